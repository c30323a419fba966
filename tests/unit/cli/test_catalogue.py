"""Every name leads to its command, a wrong one to a suggestion, and the reference tells of all."""

from pathlib import Path

import click
import pytest

from receiver.cli import catalogue, reference
from receiver.cli.command import Command
from receiver.cli.main import program
from receiver.model.errors import EXIT_CODES

PAGE = Path(__file__).parents[3] / "docs" / "commands.md"


@pytest.mark.parametrize("name", catalogue.COMMANDS)
def test_a_command_is_where_the_catalogue_says_and_has_its_name(name: str) -> None:
    command = program.get_command(click.Context(program), name)
    assert isinstance(command, Command)
    assert command.name == name
    assert command.help


def test_other_names_lead_to_commands_and_hide_none() -> None:
    assert set(catalogue.ALIASES.values()) <= set(catalogue.COMMANDS)
    assert not set(catalogue.ALIASES) & set(catalogue.COMMANDS)


@pytest.mark.parametrize(
    ("line", "name", "rest"),
    [
        ("apps:create blog", "apps:create", ["blog"]),
        ("apps create blog", "apps:create", ["blog"]),
        ("create blog", "apps:create", ["blog"]),
        ("apps --json", "apps", ["--json"]),
        ("config show", "config", []),
        ("rollback v3", "releases:rollback", ["v3"]),
        ("releases rollback v3", "releases:rollback", ["v3"]),
        ("run releases info", "run", ["releases", "info"]),
    ],
)
def test_colon_blank_and_short_forms(line: str, name: str, rest: list[str]) -> None:
    assert catalogue.find(line.split()) == (name, rest)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("aps", "apps"),
        ("conifg:set A=b", "config:set"),
        ("config sett", "config:set"),
        ("rolback", "rollback"),
    ],
)
def test_a_typing_error_is_understood(typed: str, meant: str) -> None:
    assert meant in catalogue.similar(typed.split())


def test_nonsense_suggests_nothing() -> None:
    assert catalogue.find(["qqqqqq"]) is None
    assert catalogue.similar(["qqqqqq"]) == []


def test_the_reference_is_what_the_commands_say() -> None:
    assert PAGE.read_text(encoding="utf-8") == reference.render()


def test_every_class_of_errors_is_explained() -> None:
    assert set(reference._CLASSES) == set(EXIT_CODES)


def test_the_commands_of_a_namespace_stand_together_in_the_order_of_the_alphabet() -> None:
    for names in (list(catalogue.COMMANDS), list(catalogue.ALIASES)):
        assert names == sorted(names, key=lambda name: (name.partition(":")[0], name))

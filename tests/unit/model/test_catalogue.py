"""Names and the commands that they mean; what a line may hold is told by its namespace."""

import pytest

from receiver.model import catalogue
from receiver.model.catalogue import COMMANDS


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


def test_a_name_means_one_command() -> None:
    others = [other for row in COMMANDS.values() for other in row.also]
    assert len(set(others)) == len(others)
    assert not set(others) & set(COMMANDS)
    assert catalogue.other_names() == {other: catalogue.canonical(other) for other in others}


def test_the_commands_of_a_namespace_stand_together_in_the_order_of_the_alphabet() -> None:
    for names in (list(COMMANDS), list(catalogue.other_names())):
        assert names == sorted(names, key=lambda name: (name.partition(":")[0], name))


@pytest.mark.parametrize(
    ("line", "may"),
    [
        ("config:set A=b", True),
        ("config set A b", True),
        ("config:sett A b", True),
        ("help config:nonsense A b", True),
        ("drains:add https://logs.example.com", True),
        ("plan config:set A=b", True),
        ("ps:scale web=2", False),
        ("run -e A=b -- true", False),
    ],
)
def test_a_line_of_a_namespace_with_secrets_may_hold_one(line: str, may: bool) -> None:
    assert catalogue.may_be_secret(line.split()) is may

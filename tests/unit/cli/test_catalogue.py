"""What the catalogue says of commands is so of their functions; the reference tells of all."""

import re
import string
from pathlib import Path

import click
import pytest

from receiver.cli import audited, completing, reference
from receiver.cli.call import Call
from receiver.cli.command import Command
from receiver.cli.commands.plan import _STORIES
from receiver.cli.context import read_environment
from receiver.cli.known import Known
from receiver.cli.main import program
from receiver.model import catalogue
from receiver.model.catalogue import COMMANDS
from receiver.model.errors import EXIT_CODES
from receiver.push import gate

PAGE = Path(__file__).parents[3] / "docs" / "commands.md"
SETTINGS = {"checks:set", "limits:set", "nginx:set", "server:set"}
"""They take NAME=VALUE too, of which nothing is secret: the audit has it whole."""
each_command = pytest.mark.parametrize("name", COMMANDS)


def command_of(name: str) -> Command:
    command = program.get_command(click.Context(program), name)
    assert isinstance(command, Command)
    return command


@each_command
def test_a_command_is_where_its_row_says_and_has_its_name(name: str) -> None:
    command = command_of(name)
    assert command.name == name
    assert command.help


@each_command
def test_what_a_row_says_of_parameters_is_said_of_those_that_the_command_has(name: str) -> None:
    row, command = COMMANDS[name], command_of(name)
    in_text = {field for _, field, _, _ in string.Formatter().parse(row.recorded_as) if field}
    named = {row.app_from, row.makes, row.server_wide, *row.records, *row.completes, *in_text}
    assert named - {""} <= {param.name for param in command.params}
    assert not row.app_from or command.of_app


@each_command
def test_what_completes_a_word_is_there(name: str) -> None:
    for words in COMMANDS[name].completes.values():
        assert words == completing._COMMANDS or not isinstance(words, str) or hasattr(Known, words)


@each_command
def test_a_row_does_not_contradict_itself(name: str) -> None:
    row, command = COMMANDS[name], command_of(name)
    assert not (row.hidden and row.also)
    assert not row.looks or row.needs in {"deploy", "manage", "admin"}
    assert not row.reveals or row.needs == "view"
    assert not row.records or row.is_recorded or row.reveals
    assert not row.in_log or (row.is_recorded and command.of_app)
    assert {"machine": "admin", "checkout": "nothing", "anywhere": "nothing"}.get(
        row.acts, row.needs
    ) == row.needs


@each_command
def test_only_what_acts_on_a_server_has_a_part_on_the_laptop(name: str) -> None:
    row, command = COMMANDS[name], command_of(name)
    if row.acts != "server":
        assert (command.over_ssh, row.terminal, row.server_wide) == (None, False, "")
    assert not (command.over_ssh and row.terminal)


@each_command
def test_what_takes_a_value_or_an_address_is_secret(name: str) -> None:
    command = command_of(name)
    usage = " ".join(command.collect_usage_pieces(click.Context(command)))
    if re.search("VALUE|URL", usage) and name not in SETTINGS:
        assert COMMANDS[name].secret
    if command.hand_over:
        assert catalogue.may_be_secret([name])


@pytest.mark.parametrize("name", [name for name, row in COMMANDS.items() if row.secret])
def test_a_secret_is_neither_in_the_list_of_processes_nor_in_the_audit(name: str) -> None:
    assert gate._without_values([name, "s3cr3t s3cr3t", "A=s3cr3t"]) == [name, "..."]
    params = {param.name or "": "A=s3cr3t" for param in command_of(name).params}
    line = audited._line(Call(read_environment(), [], "ci"), name, {**params, "app": "blog"})
    assert set(line.words) <= {"..."}


@each_command
def test_variables_that_are_given_along_are_not_recorded(name: str) -> None:
    given = {param.name for param in command_of(name).params if {"-e", "--env"} & {*param.opts}}
    assert not given & {*COMMANDS[name].records}


def test_what_completes_plan_is_what_can_be_planned() -> None:
    assert {catalogue.canonical(word) for word in COMMANDS["plan"].completes["words"]} == {
        *_STORIES
    }


def test_the_reference_is_what_the_commands_say() -> None:
    assert PAGE.read_text(encoding="utf-8") == reference.render()


def test_the_reference_names_no_command_that_is_gone() -> None:
    namespaces = {name.partition(":")[0] for name in COMMANDS}
    named = re.findall(r"\b([a-z]+):([a-z]+)\b", reference._INTRODUCTION)
    told = {f"{space}:{name}" for space, name in named if space in namespaces}
    assert len(told) > 10
    assert told <= {*COMMANDS}


def test_every_class_of_errors_is_explained() -> None:
    assert set(reference._CLASSES) == set(EXIT_CODES)

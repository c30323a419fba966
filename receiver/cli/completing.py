"""Finds what a command line that is still being typed may go on with. Asks, and changes nothing."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

import click
from click.core import ParameterSource
from click.shell_completion import split_arg_string

from receiver.cli.command import Call, Command, Ship, brief
from receiver.cli.known import Known
from receiver.cli.place import Said
from receiver.model import catalogue
from receiver.model.patterns import regex

_PLAIN = regex(r"[\w.@%:/+=-]+")
_FILES = ":files"
_PATHS = {"file": _FILES, "dir": ":folders"}
_COMMANDS = "commands"
"""What a row of the catalogue calls the names of all commands, which are told with what they do."""
Source = Callable[[Known], Iterable[str]]


class Word(NamedTuple):
    """A word that fits, or `:files` or `:folders`, which the shell knows itself."""

    text: str
    told: str = ""
    """What it does, for shells that show it."""


def offered(call: Call, program: Ship, line: str) -> list[Word]:
    """What the last word of a line, which begins with the program, can become; nothing if
    anything is wrong.
    """
    try:
        return list(_offered(call, program, line))
    except Exception:  # noqa: BLE001 - somebody is typing: no error may come between
        return []


def _offered(call: Call, program: Ship, line: str) -> Iterator[Word]:
    before, typed = _split(line)
    outer = click.Context(program, info_name="ship", obj=call)
    if not before and typed.startswith("-"):
        yield from _by_click(program, outer, typed)
        return
    if not typed.startswith("-"):
        yield from _commands(program, outer, before, typed)
    name, rest = (catalogue.find(before) if before else None) or ("", [])
    command = program.get_command(outer, name)
    if isinstance(command, Command):
        context = command.make_context(name, [*rest], parent=outer, resilient_parsing=True)
        yield from _of_command(call, command, context, rest, typed)


def _split(line: str) -> tuple[list[str], str]:
    """The words that are there, and the one that is being typed."""
    words = split_arg_string(line)[1:]
    typed = words.pop() if words and not line[-1].isspace() else ""
    return words, typed


def _commands(
    program: Ship, outer: click.Context, before: Sequence[str], typed: str
) -> Iterator[Word]:
    """Commands, as one word or after the first part of their name."""
    if len(before) > 1:
        return
    space = f"{before[0]}:" if before else ""
    names = [name for name in catalogue.COMMANDS if name.startswith(space + typed)]
    if typed and not before:
        names += _other_names(typed, only=not names)
    for name in names:
        command = program.get_command(outer, name)
        if command and not command.hidden:
            yield Word(name.removeprefix(space), brief(command))


def _other_names(typed: str, *, only: bool) -> list[str]:
    """Short names beside the commands' own; and those from elsewhere where nothing else fits."""
    found = (name for name in catalogue.other_names() if name.startswith(typed))
    return [name for name in found if only or ":" not in name]


def _of_command(
    call: Call, command: Command, context: click.Context, rest: list[str], typed: str
) -> Iterator[Word]:
    option, equals, value = typed.partition("=")
    if typed.startswith("-") and "--" not in rest and not equals:
        yield from _by_click(command, context, typed)
        return
    if typed.startswith("-") and equals:
        rest, prefix, typed = [*rest, option], f"{option}=", value
    else:
        prefix = ""
    param = _waiting(command, context, rest)
    if param is None:
        return
    said = dict(context.params)
    named = said.get(command.row.app_from)
    call.said = Said(said.get("app") or named, said.get("remote"))
    for word in _values(call, command, param, context, typed):
        yield Word(prefix + word.text, word.told)


def _waiting(
    command: Command, context: click.Context, rest: Sequence[str]
) -> click.Parameter | None:
    """The option whose value comes next, else the argument that does."""
    last = rest[-1] if rest and "--" not in rest else None
    for param in command.params:
        takes_value = isinstance(param, click.Option) and not param.is_flag and not param.count
        if takes_value and last in param.opts:
            return param
    for param in command.params:
        given = context.get_parameter_source(param.name or "") is ParameterSource.COMMANDLINE
        if isinstance(param, click.Argument) and (param.nargs == -1 or not given):
            return param
    return None


def _values(
    call: Call, command: Command, param: click.Parameter, context: click.Context, typed: str
) -> Iterator[Word]:
    outer = context.find_root()
    if _declared(command, param) == _COMMANDS and isinstance(outer.command, Ship):
        yield from _commands(outer.command, outer, (), typed)
        return
    source = _source(command, param, context)
    if source is None:
        yield from _by_click(param, context, typed)
        return
    for word in dict.fromkeys(source(Known(call))):
        if word == _FILES or (word.startswith(typed) and _PLAIN.fullmatch(word)):
            yield Word(word)


def _by_click(
    asked: click.Command | click.Parameter, context: click.Context, typed: str
) -> Iterator[Word]:
    """What click knows: options, choices, and where files are meant."""
    for item in asked.shell_complete(context, typed):
        yield Word(_PATHS.get(item.type, str(item.value)), " ".join((item.help or "").split()))


def _source(command: Command, param: click.Parameter, context: click.Context) -> Source | None:
    """Where the values of an option or argument come from; None where only who types knows them."""
    if "--app" in param.opts or param.name == command.row.app_from:
        return Known.apps
    if "--remote" in param.opts:
        return Known.remotes
    if declared := _declared(command, param):
        listed: Source = (
            getattr(Known, declared) if isinstance(declared, str) else lambda _: declared
        )
        return listed
    meant = param.make_metavar(context)
    return next((source for shape, source in _BY_METAVAR if shape in meant), None)


def _declared(command: Command, param: click.Parameter) -> str | Sequence[str] | None:
    """What the row of a command says of the values of a parameter."""
    return command.row.completes.get(param.name or "")


_BY_METAVAR: tuple[tuple[str, Source], ...] = (
    ("TYPE.NAME=", Known.limits),
    ("TYPE[.NAME]", Known.types),
    ("TYPE=", lambda known: (f"{name}=" for name in known.types())),
    ("TYPE", Known.types),
    ("JOB", Known.jobs),
    ("RUN", Known.runs),
    ("RELEASE", Known.releases),
    ("BUILD", Known.builds),
    ("FILE", lambda _: (_FILES,)),
)
"""By what the usage of a command calls them."""

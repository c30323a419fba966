"""Prints docs/commands.md: `python -m receiver.cli.reference > docs/commands.md` writes it."""

import textwrap
from collections.abc import Iterator

import click

from receiver.cli import show
from receiver.cli.command import Command
from receiver.cli.main import program
from receiver.model import catalogue
from receiver.model.errors import EXIT_CODES

_CLASSES = {
    "internal": "a fault of ship's own, or a failure with no code of its own",
    "usage": "what was typed cannot be meant",
    "build": "the pushed tree could not be built",
    "release": "the release phase failed",
    "check": "the new release did not answer as it should",
    "swap": "the new release could not take over; the old one was put back",
    "server": "the server is not in a state to do this",
    "git": "git refused, or failed",
    "locked": "another command is at work on the app, or somebody locked it",
    "cancelled": "somebody stopped it",
    "not-found": "no such app, release, key, config var",
    "access": "not allowed",
    "exists": "the name is taken",
}
"""What each class of errors means; the class is the part of a reason before its slash."""

_COLUMNS = 100
"""Width of a paragraph of the page."""
_INTRODUCTION = """# Commands

Made from the commands themselves by `python -m receiver.cli.reference`; a test holds the two
together.

A command is written with a colon, `ship apps:create blog`, or with a blank,
`ship apps create blog`. Data goes to standard output, progress and errors to standard error, so
that `url=$(ship apps:create blog)` holds the URL and the git remote alone. On a terminal, tables
have a head; elsewhere they are plain lines. `--json` prints data as JSON, and an error as a JSON
object with its `title`, `detail`, `advice` and `reason` on standard error.

What an app, a build or a pusher wrote can color a terminal, and give it no other order: control
characters show as `^[` or `<9b>`, through a pipe too. Exactly what was written comes with `--json`,
and from `config:get`, `storage:get` and `ship run`.

## Where a command acts

The first of these that holds:

1. `--remote NAME`: the server that this git remote leads to by ssh.
2. `SHIP_ROOT=FOLDER`: the embedded server below this folder.
3. `SHIP_SERVER=ship@vps`: that server, by ssh; with a port, `ship@vps:2222`.
4. On a VPS that the installer made a server: that server. Who is not root goes on through sudo.
5. A git remote of this checkout that is ship's: its server.
6. The embedded server that this program is part of, or the one in `~/.ship`.

A command for another machine is handed over by ssh with all that was typed. Its input, output and
exit code are those of the command there, byte for byte. `ship run` takes the terminal along, if
there is one. Of the laptop's files, `keys:add`, `config:set --from-file`, `config:import`,
`maintenance:on --page` and `storage:put` read what they are given, and send it; `storage:get`
writes there.

## Which app is meant

`--app NAME`; else the app of `--remote NAME`; else `SHIP_APP`; else the only app that the git
remotes of this checkout lead to. A remote counts as ship's by its address: the account is `ship`
(`ship@vps:blog`, `ssh://ship@vps:22/blog`), or the path is `/git/NAME.git` over HTTP. Its name does
not matter. Any other ssh remote can be named with `--remote`. Where several apps are possible, the
command says so, lists them, and changes nothing.

## Hanging up

What makes a release or changes processes (config:set, config:unset, config:import, config:edit,
config:clear, releases:rollback, releases:retry, ps:restart, ps:scale, ps:start, ps:stop) runs in a
process of its own on the server, and goes on when the connection ends. `ship builds:cancel` stops
it. apps:create, apps:clone, apps:destroy and apps:rename end with the connection; what they had
begun is undone, or can be repeated.
"""


def render() -> str:
    """The whole page."""
    return "\n".join((_INTRODUCTION, *_exit_codes(), *_commands(), *_aliases()))


def _exit_codes() -> Iterator[str]:
    yield "## Exit codes\n"
    yield "| code | class | meaning |\n|---|---|---|\n| 0 | | done |"
    for name, code in EXIT_CODES.items():
        yield f"| {code} | `{name}` | {_CLASSES[name]} |"
    yield "| 130 | | interrupted by Ctrl-C, also the usual end of `logs --tail` |"
    yield "| 141 | | nobody read the output any more |"
    yield "| 255 | | ssh could not reach the server |\n"
    yield "`ship run` ends with the exit code of the command that it ran.\n"


def _commands() -> Iterator[str]:
    context = click.Context(program, info_name="ship")
    for name in catalogue.COMMANDS:
        command = program.get_command(context, name)
        if isinstance(command, Command) and not command.hidden:
            yield from _command(context, name, command)


def _command(outer: click.Context, name: str, command: Command) -> Iterator[str]:
    context = click.Context(command, info_name=name, parent=outer)
    yield f"## {name}\n"
    usage = " ".join(command.collect_usage_pieces(context))
    yield f"`ship {name} {usage}`\n"
    needs = command.row.needs
    grant = "" if needs == "nothing" else f" A key needs the grant {needs}."
    text = " ".join((command.help or "").split()) + grant
    yield textwrap.fill(text, _COLUMNS, break_on_hyphens=False, break_long_words=False) + "\n"
    records = (param.get_help_record(context) for param in command.params)
    rows = [record for record in records if record is not None and record[1]]
    if rows:
        yield "| option | |\n|---|---|"
        yield from (f"| `{option}` | {text} |" for option, text in rows)
        yield ""
    if command.example:
        yield f"```\n{command.example}\n```\n"


def _aliases() -> Iterator[str]:
    yield "## Other names\n"
    yield "| typed | means |\n|---|---|"
    for name, command in catalogue.other_names().items():
        yield f"| `{name}` | `{command}` |"
    yield ""


if __name__ == "__main__":
    show.write(render().encode())

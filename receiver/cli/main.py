"""The entry of `ship`: parse, find out where the command acts, have it act, print what goes
wrong once.
"""

import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType
from typing import NoReturn

import click

import receiver
from receiver.cli import show
from receiver.cli.command import Call, Command, Ship
from receiver.cli.context import read_environment, words_as_sent
from receiver.model.errors import AccessError, ServerError, UsageError
from receiver.model.names import parse_key_name

_INTERRUPTED = 130
_NOBODY_READS = 141
_SIGNALLED = 128
_RECEIVING = "ship"
"""The account that the gate and the receiver run as."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line; returns its exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    as_json = False
    for ending in (signal.SIGHUP, signal.SIGTERM):
        signal.signal(ending, _end)  # an exception, so that what was begun is undone
    try:
        arguments = _as_sent(arguments)
        as_json = _wants_json(arguments)
        return _run(arguments)
    except (KeyboardInterrupt, click.Abort):
        return _INTERRUPTED
    except BrokenPipeError:
        _forget_output()
        return _NOBODY_READS
    except Exception as error:  # noqa: BLE001 - the edge: a fault of ship's own is told like any other
        from receiver.machine import full_disk

        told = full_disk.in_words(error, read_environment().disks)
        show.error(told, as_json=as_json)
        return told.exit_code


def _run(arguments: list[str]) -> int:
    try:
        done = program.main(arguments, prog_name="ship", standalone_mode=False, obj=arguments)
    except click.exceptions.NoArgsIsHelpError as error:
        show.data(error.format_message())
        return 0
    except click.UsageError as error:
        raise _as_ours(error) from error
    return done if isinstance(done, int) else 0


@click.group(cls=Ship, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--by", metavar="KEY", hidden=True)
@click.version_option(receiver.__version__, message="ship %(version)s", help="Print the version.")
@click.pass_context
def program(ctx: click.Context, by: str | None) -> None:
    """Push Python web apps to a server of your own, and look after them there."""
    environment = read_environment()
    if by is not None and not environment.is_root and environment.root is None:
        raise AccessError(
            "Only root can say who asks, as the gate does for a key.",
            advice="Leave out --by.",
            reason="access/by",
        )
    if by is None and environment.is_root and environment.user == _RECEIVING:
        raise AccessError(
            "The account ship acts for a key, and says for which.",
            advice="Be root, or another account that may use sudo, to type commands here.",
            reason="access/by",
        )
    ctx.obj = Call(environment, ctx.obj, parse_key_name(by) if by is not None else None)


def _as_ours(error: click.UsageError) -> UsageError:
    name = error.ctx.command.name if error.ctx else None
    help_ = f"`ship help {name}`" if name and name != program.name else "`ship help`"
    return UsageError(
        error.format_message(),
        advice=f"{_how_an_app_is_named(error)}{help_} tells what can be typed.",
        reason="usage/bad-command-line",
    )


def _how_an_app_is_named(error: click.UsageError) -> str:
    """For those who put it behind the command, as elsewhere, where nothing more is taken."""
    command = error.ctx.command if error.ctx else None
    of_app = isinstance(command, Command) and command.of_app
    too_much = error.message.startswith("Got unexpected extra argument")
    return "An app is named by `-a NAME`. " if of_app and too_much else ""


def _end(number: int, _frame: FrameType | None) -> NoReturn:
    sys.exit(_SIGNALLED + number)


def _as_sent(arguments: list[str]) -> list[str]:
    """The command line as it was meant: the gate shows none of its values to the list of
    processes.
    """
    if arguments[:1] != ["--by"] or arguments[2:4] != ["--as-sent", "--"]:
        return arguments
    words = words_as_sent()
    if words is None:
        raise ServerError(
            "What was typed did not get through to ship.",
            detail="sudo on this server does not hand on SSH_ORIGINAL_COMMAND.",
            advice="Run installer.sh once more on the server: it writes the rule for sudo anew.",
            reason="server/old-sudo-rule",
        )
    return [*arguments[:2], "--", *words]


def _wants_json(arguments: Sequence[str]) -> bool:
    if arguments[:1] == ["--by"]:
        arguments = arguments[3:]  # what the gate puts before a command
    before = arguments[: arguments.index("--")] if "--" in arguments else arguments
    return "--json" in before or "-j" in before


def _forget_output() -> None:
    """Whoever read our output is gone; what is still in the buffer must not complain at the end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


if __name__ == "__main__":
    sys.exit(main())

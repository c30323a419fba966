"""`ship run`: a one-off command in the live release, at this terminal or by itself."""

from collections.abc import Callable
from functools import wraps
from typing import Any

import click

from receiver.cli import show
from receiver.cli.command import Call, command, for_app
from receiver.model.errors import UsageError
from receiver.model.run import Limits, parse_limits, parse_variables

_SHELL = ("/bin/bash",)
_WORDS = {"allow_interspersed_args": False}


def _with_limits(function: Callable[..., Any]) -> Callable[..., Any]:
    """Options of both commands, handed on as `variables` and `limits`."""

    @wraps(function)
    def parsed(
        call: Call,
        variables: tuple[str, ...],
        memory: str | None,
        cpu: str | None,
        timeout: str | None,
        **rest: Any,
    ) -> Any:
        limits = parse_limits(memory, cpu, timeout)
        return function(call, variables=parse_variables(variables), limits=limits, **rest)

    for option in (
        click.option(
            "--timeout", metavar="TIME", help="Time limit, as in 90s, 30m or 6h; else 24h."
        ),
        click.option("--cpu", metavar="SHARE", help="CPU limit, as in 50% of one core."),
        click.option("--memory", metavar="SIZE", help="Memory limit, as in 512M."),
        click.option(
            "-e",
            "--env",
            "variables",
            metavar="A=1;B=2",
            multiple=True,
            help="Variables besides the config vars, no secrets. Can be given several times.",
        ),
    ):
        parsed = option(parsed)
    return parsed


@command(
    "run",
    context_settings=_WORDS,
    example="$ ship run -a blog -- python manage.py migrate\n"
    "$ ship run -a blog -- sh -c 'exit 7'; echo $?\n7",
)
@for_app
@_with_limits
@click.option("--no-tty", is_flag=True, help="Without a terminal, also where there is one.")
@click.option(
    "-x",
    "--exit-code",
    is_flag=True,
    expose_value=False,
    help="Accepted: the exit code is always passed on.",
)
@click.argument("command", nargs=-1, type=click.UNPROCESSED, metavar="[-- COMMAND...]")
def run(
    call: Call, command: tuple[str, ...], variables: dict[str, str], limits: Limits, *, no_tty: bool
) -> int:
    """Run a command with the code, virtualenv and config vars of the live release.

    Input and output are those of `ship` itself, with a terminal when there is one; so is the exit
    code. Without a command, a shell is started. A deploy does not end it: it keeps the release that
    it began with.
    """
    at_terminal = call.environment.has_terminal and not no_tty
    if not command and not at_terminal:
        raise UsageError(
            "No command is given.",
            advice="For example: `ship run -- python manage.py migrate`. At a terminal, a shell is"
            " started without one.",
            reason="usage/no-command",
        )
    from receiver.runs import running as runs

    wish = runs.Wish(argv=command or _SHELL, by=call.by, variables=variables, limits=limits)
    if not command:
        show.progress(f"A shell of {call.app}, with its code and config vars. `exit` leaves it.")
    return runs.attached(call.server, call.app, wish, tty=at_terminal, term=call.environment.term)


@command(
    "run:detached",
    context_settings=_WORDS,
    example="$ ship run:detached -a blog -- python manage.py import\nrun.12",
)
@for_app
@_with_limits
@click.argument("command", nargs=-1, type=click.UNPROCESSED, metavar="-- COMMAND...")
def detached(
    call: Call, command: tuple[str, ...], variables: dict[str, str], limits: Limits
) -> None:
    """Run a command that goes on by itself; prints the run's name, by which its output is found."""
    if not command:
        raise UsageError(
            "No command is given.",
            advice="For example: `ship run:detached -- python manage.py import`.",
            reason="usage/no-command",
        )
    from receiver.runs import running as runs

    wish = runs.Wish(argv=command, by=call.by, variables=variables, limits=limits)
    begun = runs.detached(call.server, call.app, wish)
    show.data(begun.name)
    show.progress(f"It goes on by itself. What it says: `ship run:output -t {begun.name}`.")

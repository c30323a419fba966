"""`ship run`: a one-off command in the live release."""

import click

from receiver.cli.command import Call, Command, for_app
from receiver.model.errors import UsageError


@click.command(
    "run", cls=Command, terminal=True,
    context_settings={"allow_interspersed_args": False},
    example="$ ship run -a blog -- python manage.py migrate\n$ ship run -a blog -- sh -c 'exit 7'; echo $?\n7",
)  # fmt: skip
@for_app
@click.argument("command", nargs=-1, type=click.UNPROCESSED, metavar="-- COMMAND...")
def run(call: Call, command: tuple[str, ...]) -> int:
    """Run a command with the code, virtualenv and config vars of the live release.

    Input and output are those of `ship` itself, with a terminal when there is one; so is the exit code.
    """
    if not command:
        raise UsageError(
            "No command is given.",
            advice="For example: `ship run -- python manage.py migrate`.",
            reason="usage/no-command",
        )
    from receiver import runs

    at_terminal, term = call.environment.has_terminal, call.environment.term
    return runs.run(call.server, call.app, command, tty=at_terminal, term=term)

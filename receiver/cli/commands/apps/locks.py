"""`ship apps:lock`: an app that nobody changes until it is unlocked."""

from typing import TYPE_CHECKING

import click

from receiver.cli import show
from receiver.cli.command import Call, command, for_app, with_json
from receiver.model.freeze import parse_reason

if TYPE_CHECKING:
    from receiver.model.freeze import Freeze


@command(
    "apps:lock",
    example='$ ship apps:lock blog -m "The accounts are being closed."\nLocking blog... done',
)
@for_app
@click.option(
    "-m",
    "--message",
    "reason",
    default="",
    metavar="REASON",
    help="Why; everybody who is refused reads it.",
)
@click.argument("name", required=False)
def lock(call: Call, name: str | None, reason: str) -> None:
    """Refuse every change of an app until apps:unlock: pushes, rollbacks, config vars,
    processes, renaming, destroying.

    What runs goes on, cron jobs and one-off commands too, and so does a deploy that has begun.
    Access to the app can still be given and taken.
    """
    from receiver.changes import freezes

    del name
    freezes.freeze(call.server, call.app, call.by, parse_reason(reason))
    show.progress(f"Locking {call.app}... done")


@command(
    "apps:unlock",
    example="$ ship apps:unlock blog\nUnlocking blog... done. It was locked by anna since "
    "2026-01-31T08:15:00Z: The accounts are being closed.",
)
@for_app
@click.argument("name", required=False)
def unlock(call: Call, name: str | None) -> None:
    """Let an app be changed again."""
    from receiver.changes import freezes

    del name
    found = freezes.lift(call.server, call.app)
    if found is None:
        show.progress(f"{call.app} was not locked.")
    else:
        show.progress(f"Unlocking {call.app}... done. It was locked {found.told()}")


@command(
    "apps:locked",
    example="$ ship apps:locked blog && echo wait\nblog is locked by anna since "
    "2026-01-31T08:15:00Z: The accounts are being closed.\nwait",
)
@for_app
@with_json
@click.argument("name", required=False)
def locked(call: Call, name: str | None, *, as_json: bool) -> int:
    """Tell whether an app is locked. Exit code 0 when it is, else 1."""
    from receiver.changes import freezes

    del name
    found = freezes.look(call.server.app(call.app))
    if as_json:
        show.as_json(as_data(found))
    else:
        show.progress(
            f"{call.app} is locked {found.told()}" if found else f"{call.app} is not locked."
        )
    return 0 if found else 1


def as_data(found: "Freeze | None") -> dict[str, str] | None:
    """A freeze for programs to read."""
    return {"by": found.by, "since": found.since, "reason": found.reason} if found else None

"""`ship builds`: stop the one that runs."""

import click

from receiver.cli import show
from receiver.cli.command import Call, Command, for_app
from receiver.model.errors import NotFoundError


@click.command(
    "builds:cancel", cls=Command,
    example="$ ship builds:cancel -a blog\nBuild 7 (Deploy 1a2b3c4 by laptop) is being stopped.",
)  # fmt: skip
@for_app
def cancel(call: Call) -> None:
    """Stop the deploy that runs; the release before it goes on serving."""
    from receiver import detached

    build = detached.cancel(call.server, call.app)
    if build is None:
        raise NotFoundError(f"No build of {call.app} is running.", reason="not-found/build")
    show.progress(f"Build {build.number} ({build.description} by {build.by}) is being stopped.")

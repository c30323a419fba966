"""`ship git:remote`: have this checkout know the app that it is of."""

import click

from receiver.cli import show
from receiver.cli.checkout import Destination
from receiver.cli.command import Call, Command
from receiver.model.errors import UsageError


def _remote_over_ssh(call: Call, place: Destination, name: str) -> int:
    return _set(call, name, place.remote_of(call.app))


@click.command(
    "git:remote", cls=Command, over_ssh=_remote_over_ssh,
    example="$ ship git:remote -a blog\nset git remote prod to ship@example.com:blog",
)  # fmt: skip
@click.option("-a", "--app", metavar="NAME", help="The app.")
@click.option("-r", "--remote", "name", metavar="NAME", default="prod", show_default=True,
              help="The git remote to add or change.")  # fmt: skip
def remote(call: Call, name: str) -> int:
    """Have this checkout know an app: add or change the git remote that leads to it."""
    from receiver import remotes

    call.server.app(call.app)
    return _set(call, name, remotes.git_remote(call.server.settings, call.app))


def _set(call: Call, name: str, url: str) -> int:
    if not call.checkout.exists():
        raise UsageError(
            "This folder is not part of a git repository.",
            advice="Make it one with `git init`, or go to the app's checkout.",
            reason="usage/no-checkout",
        )
    call.checkout.set_remote(name, url)
    show.data(f"set git remote {name} to {url}")
    return 0

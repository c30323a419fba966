"""`ship apps:clone`: a new app like one that is there."""

import click

from receiver.cli import forward, show
from receiver.cli.checkout import Destination
from receiver.cli.command import Call, command, for_app
from receiver.cli.commands.apps.create import tell_from_here
from receiver.cli.commands.apps.rename import OldAndNew
from receiver.model.errors import UsageError
from receiver.model.names import AppName


def _over_ssh(
    call: Call, place: Destination, old: str | None, new: str, *, skip_deploy: bool, storage: bool
) -> int:
    """Have the server make it, and tell the address that works from here."""
    del old
    asked = (("--skip-deploy", skip_deploy), ("--storage", storage))
    options = [option for option, wanted in asked if wanted]
    words = ["apps:clone", "--app", call.app, _own_name(call, new), *options]
    status, said = forward.ask_over_ssh(place, words, call.environment)
    if status == 0:
        tell_from_here(said, place.remote_of(new))
        _tell_how_to_push(new, place.remote_of(new))
    return status


@command(
    "apps:clone",
    cls=OldAndNew,
    over_ssh=_over_ssh,
    example="$ ship apps:clone blog blog-staging\n-----> Cloning blog to blog-staging\n"
    "       Code: commit 1a2b3c4, which is v7 of blog.\n...\n-----> v1 is live\n"
    "http://blog-staging.example.com | ship@example.com:blog-staging",
)
@for_app
@click.option("--skip-deploy", is_flag=True, help="Copy all, but put nothing live yet.")
@click.option("--storage", is_flag=True, help="Copy the files in its storage, too.")
@click.argument("old", metavar="[OLD]")
@click.argument("new", metavar="NEW", required=False)
def clone(call: Call, old: str | None, new: str, *, skip_deploy: bool, storage: bool) -> int:
    """Make an app like another: its live code, config vars, scale, limits, checks and settings.

    Domains stay where they are, and cron jobs are suspended. If it does not come up, it is taken
    away again.
    """
    from receiver.apps import cloning

    del old
    name = _own_name(call, new)
    wish = cloning.Wish(old=call.app, new=name, by=call.by, deploy=not skip_deploy, storage=storage)
    status = cloning.clone(call.server, wish, show.transcript)
    if status == 0:
        remote = call.server.git_remote(name)
        show.data(f"{call.server.url(name)} | {remote}")
        if call.key is None:  # over ssh the laptop tells it, by the address that works from there
            _tell_how_to_push(name, remote)
    return status


def _own_name(call: Call, new: str) -> AppName:
    name = AppName.parse(new)
    if name == call.app:
        raise UsageError(
            f"A clone of {name} needs a name of its own.",
            advice=f"Give it one: ship apps:clone {name} {name}-staging",
            reason="usage/bad-app-name",
        )
    return name


def _tell_how_to_push(name: str, remote: str) -> None:
    show.progress(f"To push to it from here: git remote add {name} {remote}")

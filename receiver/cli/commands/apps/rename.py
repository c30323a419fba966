"""`ship apps:rename`: another name for an app, and for the remotes that lead to it."""

import click

from receiver.cli import forward, show
from receiver.cli.checkout import REMOTE, Destination
from receiver.cli.command import Call, Command, command, for_app
from receiver.cli.commands.apps.create import tell_from_here
from receiver.model.names import AppName


def _rename_over_ssh(call: Call, place: Destination, old: str | None, new: str) -> int:
    """Have the server rename it, and this checkout know its new address."""
    del old
    words = ["apps:rename", "--app", call.app, AppName.parse(new)]
    status, said = forward.ask_over_ssh(place, words, call.environment)
    if status:
        return status
    tell_from_here(said, place.remote_of(new))
    _follow_rename(call, AppName(new), place.remote_of(new))
    return 0


class OldAndNew(Command):
    """With one name, that is the new one."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        rest = super().parse_args(ctx, args)
        if ctx.params["new"] is None:
            ctx.params["old"], ctx.params["new"] = None, ctx.params["old"]
        return rest


@command(
    "apps:rename",
    cls=OldAndNew,
    over_ssh=_rename_over_ssh,
    example="$ ship apps:rename blog journal\nRenaming blog to journal... done\n"
    "http://journal.example.com | ship@example.com:journal",
)
@for_app
@click.argument("old", metavar="[OLD]")
@click.argument("new", metavar="NEW", required=False)
def rename(call: Call, old: str | None, new: str) -> None:
    """Give an app another name, and with it another address; its processes stop for a moment."""
    from receiver.apps import renaming

    del old
    name = AppName.parse(new)
    url = renaming.rename(call.server, call.app, name, show.warning)
    remote = call.server.git_remote(name)
    show.progress(f"Renaming {call.app} to {name}... done")
    show.data(f"{url} | {remote}")
    if call.key is None:
        _follow_rename(call, name, remote)


def _follow_rename(call: Call, name: AppName, remote: str) -> None:
    for known in call.checkout.rename_app(call.app, name):
        show.progress(f"The git remote {known} of this checkout leads to it.")
    show.progress(f"Other checkouts need: git remote set-url {REMOTE} {remote}")

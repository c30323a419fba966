"""`ship apps:create`: a new app, and the git remote that leads to it."""

import click

from receiver.cli import forward, show
from receiver.cli.checkout import REMOTE, Destination
from receiver.cli.command import Call, command, with_json
from receiver.model.names import AppName


def _create_over_ssh(call: Call, place: Destination, name: str, *, as_json: bool) -> int:
    """Have the server make the app, and this checkout know it by the address that works from
    here.
    """
    words = ["apps:create", AppName.parse(name), *(["--json"] if as_json else [])]
    status, said = forward.ask_over_ssh(place, words, call.environment)
    if status:
        show.write(said)
        return status
    remote = place.remote_of(name)
    if as_json:
        import json

        show.as_json({**json.loads(said), "git_remote": remote})
    else:
        tell_from_here(said, remote)
    _remember(call, remote)
    return 0


def tell_from_here(said: bytes, remote: str) -> None:
    """Tell what the server said of an app, its URL and git remote, with the remote that works from
    this machine.
    """
    url = said.decode("utf-8", "replace").partition(" | ")[0]
    show.data(f"{url} | {remote}")


@command(
    "apps:create",
    over_ssh=_create_over_ssh,
    example="$ ship apps:create blog\nCreating blog... done\n"
    "http://blog.example.com | ship@example.com:blog",
)
@with_json
@click.option("-r", "--remote", metavar="NAME", help="The git remote that leads to the server.")
@click.argument("name")
def create(call: Call, name: str, *, as_json: bool) -> None:
    """Make an app; prints its URL and the git remote to push to."""
    from receiver.apps import lifecycle as apps

    app = AppName.parse(name)
    url = apps.create(call.server, app)
    remote = call.server.git_remote(app)
    show.progress(f"Creating {app}... done")
    if as_json:
        show.as_json({"name": app, "url": url, "git_remote": remote})
    else:
        show.data(f"{url} | {remote}")
    if call.key is None and not call.server.host.accounts.separate:
        _remember(call, remote)


def _remember(call: Call, remote: str) -> None:
    """Add the git remote `prod` to the checkout that the command was typed in, unless there is
    one.
    """
    if call.checkout.exists() and REMOTE not in call.checkout.urls():
        call.checkout.set_remote(REMOTE, remote)
        show.progress(f"Added the git remote {REMOTE}. To put the app live: git push {REMOTE} main")

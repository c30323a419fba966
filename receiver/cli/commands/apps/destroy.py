"""`ship apps:destroy`: remove an app with all it has, once its name was typed again."""

import json
from collections.abc import Callable

import click

from receiver.cli import forward, show
from receiver.cli.checkout import Destination
from receiver.cli.command import Call, command, for_app
from receiver.cli.confirm import confirm
from receiver.model.mounts import shown_size

_LIMIT_S = 30


def _destroy_over_ssh(
    call: Call, place: Destination, name: str | None, confirmed: str | None
) -> int:
    """Ask here, where the person is; then have the server do it."""
    del name
    words = ["apps:destroy", "--app", call.app]
    if confirmed is not None or call.environment.types:  # else the server says what is missing
        _confirm(call, confirmed, lambda: _held_over_ssh(call, place))
        words += ["--confirm", call.app]
    status, said = forward.ask_over_ssh(place, words, call.environment)
    show.write(said)
    if status == 0:
        _forget(call, place)
    return status


@command(
    "apps:destroy",
    over_ssh=_destroy_over_ssh,
    example="$ ship apps:destroy blog --confirm blog\nDestroying blog... done",
)
@for_app
@click.option(
    "--confirm", "confirmed", metavar="NAME", help="The app's name again, instead of being asked."
)
@click.argument("name", required=False)
def destroy(call: Call, name: str | None, confirmed: str | None) -> None:
    """Remove an app with all it has: releases, config vars, storage, repository."""
    from receiver.apps import lifecycle as apps

    del name
    call.server.app(call.app)  # an app that is not there needs no confirmation
    _confirm(call, confirmed, lambda: _held(call))
    apps.destroy(call.server, call.app, warn=show.warning)
    show.progress(f"Destroying {call.app}... done")
    if call.key is None and not call.server.host.accounts.separate:
        _forget(call, None)


def _confirm(call: Call, given: str | None, held: Callable[[], tuple[int, int]]) -> None:
    """Have the name typed again, and tell what is in the storage: bytes and files, as `held`
    says.
    """

    def told() -> str:
        size_bytes, files = held()
        if not files:
            return ""
        count = "1 file" if files == 1 else f"{files} files"
        return (
            f"Its storage holds {shown_size(size_bytes)} in {count}. A copy: `ship storage:get "
            f". {call.app}-storage`."
        )

    deed = f"{call.app} is removed with its releases, config vars and storage"
    line = f"ship apps:destroy --app {call.app} --confirm {call.app}"
    confirm(call, given, deed, line, told)


def _held(call: Call) -> tuple[int, int]:
    from receiver.storage import usage as storage

    entries = storage.usage(call.server, call.app).values()
    return sum(it.bytes for it in entries), sum(it.files for it in entries)


def _held_over_ssh(call: Call, place: Destination) -> tuple[int, int]:
    from receiver.machine import shell

    argv = forward.ssh_argv(place, ["storage", "--app", call.app, "--json"], terminal=False)
    try:
        said = shell.capture(argv, env=call.environment.variables, limit_s=_LIMIT_S)
    except shell.CommandError:
        return 0, 0  # why not is told when it is to be destroyed
    found = json.loads(said)
    return found["used_bytes"], found["files"]


def _forget(call: Call, place: Destination | None) -> None:
    """Remove the checkout's remotes that led to the app."""
    for remote in call.checkout.ship_remotes():
        if (remote.app, remote.destination) == (call.app, place):
            call.checkout.remove_remote(remote.name)
            show.progress(f"Removed the git remote {remote.name}.")

"""Asks once more before an app is destroyed, with what would be gone."""

from collections.abc import Callable

import click

from receiver.cli import forward, show
from receiver.cli.checkout import Destination
from receiver.cli.command import Call
from receiver.model.errors import UsageError
from receiver.model.mounts import shown_size


def held(call: Call) -> str:
    """What the app's storage holds, such as `3.2M in 13 files`; empty where that is nothing."""
    from receiver import storage

    entries = storage.usage(call.server, call.server.app(call.app)).values()
    files = sum(it.files for it in entries)
    return f"{shown_size(sum(it.bytes for it in entries))} in {files} files" if files else ""


def held_over_ssh(call: Call, place: Destination) -> str:
    """The same of an app of another machine."""
    import json

    words = ["storage", "--app", call.app, "--json"]
    status, said = forward.ask_over_ssh(place, words, call.environment)
    found = {} if status else json.loads(said)
    return (
        f"{shown_size(found['used_bytes'])} in {found['files']} files" if found.get("files") else ""
    )


def ask(call: Call, given: str | None, holds: Callable[[], str]) -> None:
    """Have the name typed once more: what is destroyed does not come back. `holds` says what its storage holds.

    Raises:
        UsageError: it was not, or was another name
    """
    app = call.app
    size = holds() if given is None else ""
    if given is None and call.environment.types:
        size = f", which holds {size}" if size else ""
        show.progress(
            f" !     This removes {app} with its releases, config vars and storage{size}."
        )
        given = click.prompt(f"To proceed, type {app}", err=True, default="", show_default=False)
    if given is None:
        raise UsageError(
            f"{app} is removed with all it has only when its name is given once more.",
            detail=f"Its storage holds {size}. A copy: `ship storage:get . {app}-storage`."
            if size
            else "",
            advice=f"Type: ship apps:destroy --app {app} --confirm {app}",
            reason="usage/not-confirmed",
        )
    if given != app:
        raise UsageError(
            f"{given!r} is not the name of the app to destroy, {app}. Nothing was changed.",
            reason="usage/not-confirmed",
        )

"""`ship apps` and `ship apps:info`: which apps there are, and how one is."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypedDict

import click

from receiver.cli import show
from receiver.cli.command import Call, command, for_app, with_json
from receiver.cli.commands.config import pending
from receiver.model.names import AppName
from receiver.model.release import Release
from receiver.model.settings import App

if TYPE_CHECKING:
    from receiver.processes.look import Running

_SHORT = 60
"""Characters of a reason in a table."""


@command("apps", example="$ ship apps\nblog  http://blog.example.com  v2  up")
@with_json
def list_apps(call: Call, *, as_json: bool) -> None:
    """List the apps of the server: those that your key may see."""
    from receiver.access import grants as access
    from receiver.state import records

    layout = call.server.layout
    names = access.visible(layout, call.key, records.app_names(layout))
    found = [_summary(call, name) for name in names]
    if as_json:
        show.as_json(found)
    elif not found:
        show.progress(_no_apps(call))
    else:
        rows = [
            (it["name"], it["url"], it["release"] or "-", _shown_state(it, _SHORT)) for it in found
        ]
        show.table(("App", "URL", "Release", "State"), rows)


def _shown_state(found: "_Summary", most: int | None = None) -> str:
    crashes = found["crashing"]
    told = {name: why if most is None else _shortened(why, most) for name, why in crashes.items()}
    state = found["state"]
    if state == "crashing":
        state = f"crashing ({next(iter(told.values()))})"
    else:
        state = ", ".join([state, *(f"{name} crashing ({why})" for name, why in told.items())])
    more = {"in maintenance": found["maintenance"], "locked": found["locked"]}
    return ", ".join([state, *(name for name, holds in more.items() if holds)])


def _shortened(text: str, most: int) -> str:
    import textwrap

    return textwrap.shorten(text, most)


def _no_apps(call: Call) -> str:
    from receiver.access import grants as access

    if call.key is None or access.everywhere(call.layout, call.key) == "admin":
        return "There are no apps yet. To make one: ship apps:create blog"
    return f"There are no apps that the key {call.key} may see. `ship whoami` tells what it may do."


@command(
    "apps:info",
    example="$ ship apps:info blog\n=== blog\n\nURL:        http://blog.example.com\n"
    "Git remote: ship@example.com:blog\nRelease:    v2\n"
    "Change:     Set GREETING config var\nState:      up\nCreated:    2026-01-31T08:00:00Z",
)
@for_app
@with_json
@click.argument("name", required=False)
def info(call: Call, name: str | None, *, as_json: bool) -> None:
    """Show an app: where it is, what serves, since when."""
    del name
    call.server.app(call.app)
    found = _summary(call, call.app)
    if as_json:
        show.as_json(found)
        return
    show.heading(call.app)
    show.data("")
    shown = {
        "URL": found["url"],
        "Git remote": found["git_remote"],
        "Domains": ", ".join(found["domains"]),
        "Release": found["release"] or "",
        "Change": found["description"] or "",
        "State": _shown_state({**found, "maintenance": None, "locked": None}),
        "Maintenance": _maintenance(found),
        "Locked": found["locked"] or "",
        "Created": found["created_at"],
        "Clone of": found["clone_of"],
        "Root": found["root"],
    }
    show.fields({label: value for label, value in shown.items() if value})
    pending.tell(call)


@command("apps:exists", example="$ ship apps:exists blog\nblog exists.")
@for_app
@click.argument("name", required=False)
def exists(call: Call, name: str | None) -> None:
    """Say by the exit code whether there is an app of this name: 0, or 20."""
    del name
    call.server.app(call.app)
    show.progress(f"{call.app} exists.")


class _Summary(TypedDict):
    """What `--json` prints of an app."""

    name: str
    url: str
    git_remote: str
    domains: list[str]
    release: str | None
    description: str | None
    state: str
    crashing: dict[str, str]
    """By process, how often it was started again and why; of those that do not stay up."""
    maintenance: str | None
    """Since when it is on."""
    locked: str | None
    """By whom, since when, and why."""
    pending_config: list[str]
    created_at: str
    clone_of: str
    root: str


def _summary(call: Call, name: AppName) -> _Summary:
    from receiver.changes import freezes
    from receiver.changes.app_state import read_state
    from receiver.processes import look as processes
    from receiver.state import config_history

    server = call.server
    app = read_state(server, server.layout.app(name))
    settings, release = app.settings, app.release
    frozen = freezes.look(app.paths)
    running = [each for kind in processes.look_at(app).types for each in kind.running]
    return {
        "name": name,
        "url": server.url(name),
        "git_remote": server.git_remote(name),
        "domains": list(settings.domains),
        "release": release.label if release else None,
        "description": release.description if release else None,
        "state": _state(settings, release, running),
        "crashing": {each.name: each.crash for each in running if each.state == "crashing"},
        "maintenance": settings.maintenance.since if settings.maintenance else None,
        "locked": frozen.told() if frozen else None,
        "pending_config": list(config_history.pending(app.paths).names),
        "created_at": settings.created_at,
        "clone_of": settings.clone_of,
        "root": settings.root,
    }


def _maintenance(found: _Summary) -> str:
    return f"on, since {found['maintenance']}" if found["maintenance"] else ""


def _state(settings: App, release: Release | None, running: Sequence["Running"]) -> str:
    if release is None:
        return "empty"
    if release.served == "files":
        return "files"
    if settings.stopped:
        return "stopped"
    web = release.served == "process"
    shown = [each.state for each in running if not web or each.name.startswith("web.")]
    states: tuple[str, ...] = ("up", "crashing", "starting")
    return next((state for state in states if state in shown), "down" if web else "idle")

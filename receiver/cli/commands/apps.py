"""`ship apps`: list, make, show and rename apps."""

from typing import TypedDict

import click

from receiver.cli import forward, show
from receiver.cli.checkout import Destination
from receiver.cli.command import Call, Command, for_app, with_json
from receiver.cli.commands import pending
from receiver.model.names import AppName
from receiver.model.release import Release
from receiver.model.settings import App

_REMOTE = "prod"


@click.command("apps", cls=Command, example="$ ship apps\nblog  http://blog.example.com  v2  up")
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
        rows = [(it["name"], it["url"], it["release"] or "-", _shown_state(it)) for it in found]
        show.table(("App", "URL", "Release", "State"), rows)


def _shown_state(found: "_Summary") -> str:
    more = {"in maintenance": found["maintenance"], "locked": found["locked"]}
    return ", ".join([found["state"], *(name for name, holds in more.items() if holds)])


def _no_apps(call: Call) -> str:
    from receiver.access import grants as access

    if call.key is None or access.everywhere(call.layout, call.key) == "admin":
        return "There are no apps yet. To make one: ship apps:create blog"
    return f"There are no apps that the key {call.key} may see. `ship whoami` tells what it may do."


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
        url = said.decode("utf-8", "replace").partition(" | ")[0]
        show.data(f"{url} | {remote}")
    _remember(call, remote)
    return 0


@click.command(
    "apps:create",
    cls=Command,
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
    if call.checkout.exists() and _REMOTE not in call.checkout.urls():
        call.checkout.set_remote(_REMOTE, remote)
        show.progress(
            f"Added the git remote {_REMOTE}. To put the app live: git push {_REMOTE} main"
        )


@click.command(
    "apps:info",
    cls=Command,
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
        "State": found["state"],
        "Maintenance": _maintenance(found),
        "Locked": found["locked"] or "",
        "Created": found["created_at"],
        "Clone of": found["clone_of"],
    }
    show.fields({label: value for label, value in shown.items() if value})
    pending.tell(call)


@click.command("apps:exists", cls=Command, example="$ ship apps:exists blog\nblog exists.")
@for_app
@click.argument("name", required=False)
def exists(call: Call, name: str | None) -> None:
    """Say by the exit code whether there is an app of this name: 0, or 20."""
    del name
    call.server.app(call.app)
    show.progress(f"{call.app} exists.")


def _rename_over_ssh(call: Call, place: Destination, old: str | None, new: str) -> int:
    """Have the server rename it, and this checkout know its new address."""
    del old
    words = ["apps:rename", "--app", call.app, AppName.parse(new)]
    status, said = forward.ask_over_ssh(place, words, call.environment)
    if status:
        return status
    url = said.decode("utf-8", "replace").partition(" | ")[0]
    show.data(f"{url} | {place.remote_of(new)}")
    _follow_rename(call, AppName(new), place.remote_of(new))
    return 0


class OldAndNew(Command):
    """With one name, that is the new one."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        rest = super().parse_args(ctx, args)
        if ctx.params["new"] is None:
            ctx.params["old"], ctx.params["new"] = None, ctx.params["old"]
        return rest


@click.command(
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
    url = renaming.rename(call.server, call.app, name)
    remote = call.server.git_remote(name)
    show.progress(f"Renaming {call.app} to {name}... done")
    show.data(f"{url} | {remote}")
    if call.key is None:
        _follow_rename(call, name, remote)


def _follow_rename(call: Call, name: AppName, remote: str) -> None:
    for known in call.checkout.rename_app(call.app, name):
        show.progress(f"The git remote {known} of this checkout leads to it.")
    show.progress(f"Other checkouts need: git remote set-url {_REMOTE} {remote}")


class _Summary(TypedDict):
    """What `--json` prints of an app."""

    name: str
    url: str
    git_remote: str
    domains: list[str]
    release: str | None
    description: str | None
    state: str
    maintenance: str | None
    """Since when it is on."""
    locked: str | None
    """By whom, since when, and why."""
    pending_config: list[str]
    created_at: str
    clone_of: str


def _summary(call: Call, name: AppName) -> _Summary:
    from receiver.changes import freezes
    from receiver.state import config_history, records

    server = call.server
    paths = server.layout.app(name)
    settings = records.read_app(paths)
    live, release = records.read_live_release(paths)
    frozen = freezes.look(paths)
    runs = live is not None and server.host.main_pid(name, live.slot) is not None
    if release is not None and release.served == "nothing":
        runs = any(server.host.background.running(name).values())
    return {
        "name": name,
        "url": server.url(name),
        "git_remote": server.git_remote(name),
        "domains": list(settings.domains),
        "release": release.label if release else None,
        "description": release.description if release else None,
        "state": _state(settings, release, runs=runs),
        "maintenance": settings.maintenance.since if settings.maintenance else None,
        "locked": frozen.told() if frozen else None,
        "pending_config": list(config_history.pending(paths).names),
        "created_at": settings.created_at,
        "clone_of": settings.clone_of,
    }


def _maintenance(found: _Summary) -> str:
    return f"on, since {found['maintenance']}" if found["maintenance"] else ""


def _state(settings: App, release: Release | None, *, runs: bool) -> str:
    if release is None:
        return "empty"
    if release.served == "files":
        return "files"
    if settings.stopped:
        return "stopped"
    if release.served == "nothing":
        return "up" if runs else "idle"
    return "up" if runs else "down"

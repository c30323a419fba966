"""The stories of an app itself: create and destroy; and how any change of one is made."""

from msgspec.structs import replace

from receiver.access import grants as access
from receiver.apps import ports as app_ports
from receiver.changes.app_state import AppState
from receiver.changes.change import changing, or_undone, removing, repeat
from receiver.changes.steps import site_steps
from receiver.drains import records as drain_records
from receiver.hosts.accounts import ids
from receiver.machine import files, git
from receiver.model.errors import ShipError
from receiver.model.layout import SLOTS, AppPaths
from receiver.model.names import AppName
from receiver.model.plan import (
    ChangeSite,
    ChangeUnits,
    EnableSlot,
    HoldSocket,
    Plan,
    ReleaseSocket,
    SetFormation,
    SetTimers,
    StopSlot,
)
from receiver.model.program import HOOKS
from receiver.model.settings import App
from receiver.runs import records as run_records
from receiver.runs import running as runs
from receiver.server import Server
from receiver.state import records
from receiver.storage import outside_mounts

_PORTS_OF_AN_APP = 3
_OF_ONE_APP = ("port", "port_a", "port_b", "created_at", "domains", "maintenance")
"""Settings that no other app can have as well."""


def create(server: Server, name: AppName, *, like: App | None = None) -> str:
    """Make an app, perhaps with the settings of another; returns its URL.

    Raises:
        ShipError: the name is taken, or no port is free; nothing is left of the attempt
    """
    paths = server.layout.app(name)
    kept = paths.storage.exists()  # an uninstall leaves it, for an app of the same name
    with access.changing(server.layout):
        if paths.settings.exists():
            raise ShipError(
                f"There is an app {name} already.",
                advice="Choose another name, or push to the one that is there.",
                reason="exists/app",
            )
        limits = server.settings
        port, port_a, port_b = app_ports.free_ports(
            server.layout, limits.first_port, limits.last_port, _PORTS_OF_AN_APP
        )
        settings = App(port=port, port_a=port_a, port_b=port_b, created_at=server.clock.stamp())
        if like is not None:
            own = {name: getattr(settings, name) for name in _OF_ONE_APP}
            settings = replace(like, **own)
        with or_undone(lambda: _take_away(server, paths, keep_storage=kept)):
            _make(server, paths, settings)
    with (
        or_undone(lambda: destroy(server, name, keep_storage=kept)),
        changing(server, name, f"creation of {name}") as change,
    ):
        change.apply(_plan_create(change.state))
    return server.url(name)


def destroy(
    server: Server, name: AppName, *, keep_storage: bool = False, frozen_too: bool = False
) -> None:
    """Remove an app and all it has: processes, site, releases, config vars, storage, repository."""
    with removing(server, name, f"destruction of {name}", frozen_too=frozen_too) as paths:
        repeat(server, _plan_destroy(server, paths))
        drain_records.end_all(server, name)
        runs.stop(server, name, run_records.going_on(paths))
        server.host.jobs.stop(name)
        _take_away(server, paths, keep_storage=keep_storage)


def _make(server: Server, paths: AppPaths, settings: App) -> None:
    """Account, folders and repository; app.toml comes last, because with it there is an app."""
    server.host.accounts.create(paths.name)
    _make_folders(server, paths)
    git.create_repo(server.layout.repo(paths.name), hooks=HOOKS)
    outside_mounts.prepare(server.host, paths, settings)
    records.write_toml(paths.settings, settings)


def _take_away(server: Server, paths: AppPaths, *, keep_storage: bool) -> None:
    """Account, repository and folders; app.toml goes last, because as long as it is there,
    destroying can be repeated.
    """
    server.host.accounts.remove(paths.name)
    files.remove_tree(server.layout.repo(paths.name))
    server.host.request_logs.remove(paths.name)
    files.remove_tree(paths.run)
    if keep_storage:
        files.keep_only(paths.home, paths.storage)
    else:
        files.remove_tree(paths.home)


def _make_folders(server: Server, paths: AppPaths) -> None:
    """The app's tree. Root owns it; the app's account owns storage and cache alone."""
    owner = server.host.accounts.owner(paths.name)
    uid, gid = ids(owner)
    paths.home.parent.mkdir(parents=True, exist_ok=True)
    for folder in (paths.home, paths.releases, paths.slots, paths.work):
        files.make_folder(folder, mode=0o711)
    for folder in (paths.builds, paths.incoming):
        files.make_folder(folder, mode=0o700)
    for folder in (paths.venvs, paths.logs):
        files.make_folder(folder, mode=0o755)
    for folder in (paths.storage, paths.cache):
        files.make_folder(folder, mode=0o700, uid=uid, gid=gid)
    if owner is not None:
        files.give_tree(paths.storage, uid=uid, gid=gid)


def _plan_create(app: AppState) -> Plan:
    units = {file.path: file.text for file in app.server.host.unit_files(app.name, app.settings)}
    return (ChangeUnits(app.name, dict(units)), HoldSocket(app.name), *site_steps(app))


def _plan_destroy(server: Server, paths: AppPaths) -> Plan:
    name = paths.name
    settings = records.read_app(paths)
    site, link = server.layout.site(name), server.layout.site_link(name)
    return (
        ChangeSite(name, str(site), str(link), None),
        EnableSlot(name, None),
        *(StopSlot(name, slot) for slot in SLOTS),
        SetFormation(name, {}),
        *((SetTimers(name, {}),) if records.read_timers(paths) else ()),
        ReleaseSocket(name),
        ChangeUnits(name, {file.path: None for file in server.host.unit_files(name, settings)}),
    )

"""The stories of an app itself: create, destroy, stop, start, restart, scale."""

import json
from collections.abc import Callable
from pathlib import Path

from msgspec.structs import replace

from receiver import facts, files, git, records, run_records, runs
from receiver.checkpoint import About, Checkpoint
from receiver.executor import Executor
from receiver.hosts import ids
from receiver.lock import app_lock
from receiver.model.errors import NotFoundError, ShipError, UsageError
from receiver.model.layout import SLOTS, AppPaths
from receiver.model.names import AppName
from receiver.model.output import Output
from receiver.model.plan import (
    AimSlot,
    AnyStep,
    AskThroughNginx,
    AwaitAnswer,
    AwaitRelease,
    ChangeSite,
    ChangeUnits,
    EnableSlot,
    HoldSocket,
    Plan,
    ReleaseSocket,
    StartSlot,
    StopSlot,
    WriteFile,
)
from receiver.model.release import Live, Release
from receiver.model.settings import App
from receiver.model.webserver import Gunicorn
from receiver.planner.swap import other
from receiver.recovery import recover, undo
from receiver.server import Server

_PORTS_OF_AN_APP = 3
_MOST_WORKERS = 64
HOOKS = Path(__file__).parent.parent / "hooks"


def create(server: Server, name: AppName) -> str:
    """Make an app; returns its URL.

    Raises:
        ShipError: the name is taken, or no port is free; nothing is left of the attempt
    """
    paths = server.layout.app(name)
    kept = paths.storage.exists()  # an uninstall leaves it, for an app of the same name
    with files.locked_file(server.layout.state / "lock"):
        if paths.settings.exists():
            raise ShipError(
                f"There is an app {name} already.",
                advice="Choose another name, or push to the one that is there.",
                reason="exists/app",
            )
        limits = server.settings
        port, port_a, port_b = facts.free_ports(
            server.layout, limits.first_port, limits.last_port, _PORTS_OF_AN_APP
        )
        settings = App(port=port, port_a=port_a, port_b=port_b, created_at=server.clock.stamp())
        server.host.create_account(name)
        _make_folders(server, paths)
        git.create_repo(server.layout.repo(name), hooks=HOOKS)
        records.write_toml(paths.settings, settings)
    try:
        _do(server, paths, _plan_create(server, paths, settings), f"creation of {name}")
    except BaseException:
        destroy(server, name, keep_storage=kept)
        raise
    return server.url(name)


def destroy(server: Server, name: AppName, *, keep_storage: bool = False) -> None:
    """Remove an app and all it has: processes, site, releases, config vars, storage, repository."""
    paths = server.app(name)
    wait_s = float(server.settings.lock_wait_s)
    with app_lock(paths.lock, f"destruction of {name}", wait_s=wait_s, clock=server.clock):
        _do_unlocked(server, paths, _plan_destroy(server, paths))
        runs.stop(server, name, run_records.going_on(paths))
        server.host.stop_jobs(name)
        server.host.remove_account(name)
        files.remove_tree(server.layout.repo(name))
        files.remove_tree(paths.run)
        if keep_storage:
            files.keep_only(paths.home, paths.storage)
            return
        # last: as long as app.toml is there, destroying can be repeated
        files.remove_tree(paths.home)


def stop(server: Server, name: AppName) -> None:
    """Stop the web processes; they stay stopped over deploys and reboots until `start`."""
    paths = server.app(name)
    settings = replace(records.read_app(paths), stopped=True)
    live, release = _live(paths)
    plan: list[AnyStep] = [_settings_step(paths, settings)]
    plan += _site_steps(server, paths, settings, release, live)
    plan += [StopSlot(name, slot) for slot in SLOTS]
    _do(server, paths, (*plan, EnableSlot(name, None)), "stop")


def start(server: Server, name: AppName) -> None:
    """Start the web processes of the live release again."""
    paths = server.app(name)
    settings = replace(records.read_app(paths), stopped=False)
    live, release = _need_web(paths)
    plan: list[AnyStep] = [
        _settings_step(paths, settings),
        AimSlot(name, live.slot, release.version),
        StartSlot(name, live.slot),
        await_slot(release, settings, live),
        EnableSlot(name, live.slot),
        *_site_steps(server, paths, settings, release, live),
        AskThroughNginx(name, release.checked_by(settings)),
    ]
    _do(server, paths, tuple(plan), "start")


def restart(server: Server, name: AppName) -> None:
    """Replace the web processes by fresh ones of the same release; the site answers all the while."""
    paths = server.app(name)
    settings = records.read_app(paths)
    live, release = _need_web(paths)
    if settings.stopped:
        start(server, name)
        return
    fresh = Live(release=live.release, slot=other(live.slot))
    plan: list[AnyStep] = [
        StopSlot(name, fresh.slot),
        AimSlot(name, fresh.slot, release.version),
        StartSlot(name, fresh.slot),
        await_slot(release, settings, fresh),
        EnableSlot(name, fresh.slot),
        *_site_steps(server, paths, settings, release, fresh),
        StopSlot(name, live.slot),
        live_step(paths, fresh),
    ]
    _do(server, paths, tuple(plan), "restart")


def scale(server: Server, name: AppName, web: int) -> None:
    """Set the number of web workers; 0 stops them.

    Raises:
        UsageError: not a number of workers that makes sense
    """
    paths = server.app(name)
    if not 0 <= web <= _MOST_WORKERS:
        raise UsageError(
            f"web={web} is not a number of workers.",
            detail=f"It can be 0 to {_MOST_WORKERS}.",
            advice="Two or three workers for each core are plenty: `ship ps:scale web=2`.",
            reason="usage/bad-scale",
        )
    if web == 0:
        stop(server, name)
        return
    scaled = WriteFile(str(paths.scale), json.dumps({"web": web}) + "\n")
    live, release = _live(paths)
    runs = live is not None and server.host.main_pid(name, live.slot) is not None
    if live is None or release is None or not runs or not _is_gunicorn(release):
        _do(server, paths, (scaled,), "scaling")
        return
    limit_s = float(records.read_app(paths).check_limit_s)
    _do(
        server,
        paths,
        (
            scaled,
            AimSlot(name, live.slot, live.release, reload=True),
            AwaitRelease(name, live.slot, live.release, limit_s),
        ),
        "scaling",
    )


def configure(server: Server, name: AppName, change: Callable[[App], App], title: str) -> None:
    """Change settings of an app that nothing which runs has to follow at once."""
    paths = server.app(name)
    settings = change(records.read_app(paths))
    _do(server, paths, (_settings_step(paths, settings),), title)


def await_slot(release: Release, settings: App, live: Live) -> AnyStep:
    """The step that waits until a slot serves."""
    limit_s = float(settings.check_limit_s)
    if _is_gunicorn(release):
        return AwaitRelease(release.app, live.slot, release.version, limit_s)
    port = settings.own_port(live.slot)
    return AwaitAnswer(release.app, live.slot, port, limit_s, release.checked_by(settings))


def live_step(paths: AppPaths, live: Live) -> WriteFile:
    """The step that records what serves."""
    return WriteFile(str(paths.live), records.json_text(live))


def _is_gunicorn(release: Release) -> bool:
    return isinstance(release.processes.get("web"), Gunicorn)


def _live(paths: AppPaths) -> tuple[Live | None, Release | None]:
    live = records.read_live(paths)
    return live, records.read_release(paths, live.release) if live else None


def _need_web(paths: AppPaths) -> tuple[Live, Release]:
    live, release = _live(paths)
    if live is None or release is None or release.served != "process":
        raise NotFoundError(
            f"{paths.name} has no web process.",
            detail="It has no release yet." if release is None else "Its Procfile names none.",
            advice="Push some code: `git push prod main`.",
            reason="not-found/process",
        )
    return live, release


def _make_folders(server: Server, paths: AppPaths) -> None:
    """The app's tree. Root owns it; the app's account owns storage and cache alone."""
    owner = server.host.owner(paths.name)
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


def _plan_create(server: Server, paths: AppPaths, settings: App) -> Plan:
    name = paths.name
    units = {file.path: file.text for file in server.host.unit_files(name, settings)}
    return (
        ChangeUnits(name, dict(units)),
        HoldSocket(name),
        *_site_steps(server, paths, settings, None, None),
    )


def _plan_destroy(server: Server, paths: AppPaths) -> Plan:
    name = paths.name
    settings = records.read_app(paths)
    site, link = server.layout.site(name), server.layout.site_link(name)
    return (
        ChangeSite(name, str(site), str(link), None),
        EnableSlot(name, None),
        *(StopSlot(name, slot) for slot in SLOTS),
        ReleaseSocket(name),
        ChangeUnits(name, {file.path: None for file in server.host.unit_files(name, settings)}),
    )


def _settings_step(paths: AppPaths, settings: App) -> WriteFile:
    return WriteFile(str(paths.settings), records.toml_text(paths.settings, settings))


def _site_steps(
    server: Server, paths: AppPaths, settings: App, release: Release | None, live: Live | None
) -> tuple[AnyStep, ...]:
    change = facts.site_change(server, paths, settings, release, live.slot if live else "a")
    return () if change is None else (change,)


def _do(server: Server, paths: AppPaths, plan: Plan, title: str) -> None:
    """Do a plan under the app's lock, inside a checkpoint."""
    wait_s = float(server.settings.lock_wait_s)
    with app_lock(paths.lock, title, wait_s=wait_s, clock=server.clock):
        recover(server, paths.name)
        checkpoint = Checkpoint(paths.journal)
        checkpoint.begin(About(title=title))
        try:
            Executor(server, checkpoint).apply(plan)
        except BaseException:
            undo(server, paths.name, checkpoint, Output(_unread))
            raise
        checkpoint.finalize()


def _do_unlocked(server: Server, paths: AppPaths, plan: Plan) -> None:
    """Do a plan that is not undone, because it can be repeated."""
    executor = Executor(server, Checkpoint(paths.journal))
    for step in plan:
        executor.do(step)


_unread: Callable[[bytes], object] = len

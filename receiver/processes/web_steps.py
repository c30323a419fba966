"""The steps by which an app's web process is stopped, started, replaced and given workers; and
how many it has.
"""

from receiver.changes import steps as change_steps
from receiver.health import workers
from receiver.model.formation import WEB
from receiver.model.layout import SLOTS, AppPaths
from receiver.model.plan import (
    AimSlot,
    AnyStep,
    AskThroughNginx,
    AwaitAnswer,
    AwaitRelease,
    EnableSlot,
    Plan,
    StartSlot,
    StopSlot,
    WriteFile,
)
from receiver.model.release import Live, Release
from receiver.model.settings import App
from receiver.model.webserver import Gunicorn
from receiver.planner.swap import other
from receiver.processes.now import Now
from receiver.server import Server
from receiver.state import records


def web_wanted(server: Server, paths: AppPaths, settings: App, live: Live | None) -> int:
    """How many workers web should have: what was asked for, else what it has by itself."""
    if settings.stopped or live is None:
        return 0
    asked = records.read_scale(paths).get(WEB)
    return asked or max(1, len(serving_workers(server, paths, live)))


def serving_workers(server: Server, paths: AppPaths, live: Live) -> dict[int, str]:
    """The workers of gunicorn that serve, by process id, each with its release."""
    master = server.host.main_pid(paths.name, live.slot)
    if master is None:
        return {}
    alive = workers.children(master)
    told = workers.ready_workers(paths.slot_run(live.slot))
    return {pid: label for pid, label in sorted(told.items()) if pid in alive}


def stop(now: Now, settings: App) -> Plan:
    """The steps that stop web, and show visitors that it is stopped."""
    site = change_steps.site_steps(now.server, now.paths, settings, now.release, now.live)
    return (*site, *(StopSlot(now.name, slot) for slot in SLOTS), EnableSlot(now.name, None))


def start(now: Now, settings: App) -> Plan:
    """The steps that start web of the live release again."""
    live, release = now.serving
    return (
        AimSlot(now.name, live.slot, release.version),
        StartSlot(now.name, live.slot),
        await_slot(release, settings, live),
        EnableSlot(now.name, live.slot),
        *change_steps.site_steps(now.server, now.paths, settings, release, live),
        AskThroughNginx(now.name, release.checked_by(settings)),
    )


def restart(now: Now) -> Plan:
    """The steps that have the other slot take over with the same release."""
    live, release = now.serving
    fresh = Live(release=live.release, slot=other(live.slot))
    return (
        StopSlot(now.name, fresh.slot),
        AimSlot(now.name, fresh.slot, release.version),
        StartSlot(now.name, fresh.slot),
        await_slot(release, now.settings, fresh),
        EnableSlot(now.name, fresh.slot),
        *change_steps.site_steps(now.server, now.paths, now.settings, release, fresh),
        StopSlot(now.name, live.slot),
        WriteFile(str(now.paths.live), records.json_text(fresh)),
    )


def scale(now: Now, settings: App) -> Plan:
    """The steps after scale.json was written."""
    if settings.stopped:
        return stop(now, settings)
    if now.settings.stopped:
        return start(now, settings) if now.has_web else ()
    live, release = now.live, now.release
    runs = live is not None and now.server.host.main_pid(now.name, live.slot) is not None
    if live is None or release is None or not runs or not _is_gunicorn(release):
        return ()
    limit_s = float(settings.check_limit_s)
    return (
        AimSlot(now.name, live.slot, live.release, reload=True),
        AwaitRelease(now.name, live.slot, live.release, limit_s),
    )


def await_slot(release: Release, settings: App, live: Live) -> AnyStep:
    """The step that waits until a slot serves."""
    limit_s = float(settings.check_limit_s)
    if _is_gunicorn(release):
        return AwaitRelease(release.app, live.slot, release.version, limit_s)
    port = settings.own_port(live.slot)
    return AwaitAnswer(release.app, live.slot, port, limit_s, release.checked_by(settings))


def _is_gunicorn(release: Release) -> bool:
    return isinstance(release.processes.get(WEB), Gunicorn)

"""The steps by which an app's web process is stopped, started, replaced and given workers; and
how many it has.
"""

from receiver.changes import steps as change_steps
from receiver.changes.app_state import AppState
from receiver.health import workers
from receiver.machine import proc
from receiver.model.formation import WEB
from receiver.model.layout import SLOTS, SlotLetter
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
from receiver.planner.swap import other
from receiver.processes.refusals import serving
from receiver.state import records


def web_wanted(app: AppState) -> int:
    """How many workers web should have: what was asked for, else what it has by itself."""
    if app.settings.stopped or app.live is None:
        return 0
    return app.scale.get(WEB) or max(1, len(serving_workers(app)))


def serving_workers(app: AppState) -> dict[int, str]:
    """The workers of gunicorn that serve, by process id, each with its release."""
    master = app.server.host.main_pid(app.name, app.slot)
    if master is None:
        return {}
    alive = proc.children(master)
    told = workers.ready_workers(app.paths.slot_run(app.slot))
    return {pid: label for pid, label in sorted(told.items()) if pid in alive}


def stop(after: AppState) -> Plan:
    """The steps that stop web, and show visitors that it is stopped."""
    return (
        *change_steps.site_steps(after),
        *(StopSlot(after.name, slot) for slot in SLOTS),
        EnableSlot(after.name, None),
    )


def start(after: AppState) -> Plan:
    """The steps that start web of the live release again."""
    live, release = serving(after)
    return (
        AimSlot(after.name, live.slot, release.version),
        StartSlot(after.name, live.slot),
        await_slot(release, after.settings, live.slot),
        EnableSlot(after.name, live.slot),
        *change_steps.site_steps(after),
        AskThroughNginx(after.name, release.checked_by(after.settings)),
    )


def restart(app: AppState) -> Plan:
    """The steps that have the other slot take over with the same release."""
    live, release = serving(app)
    fresh = Live(release=live.release, slot=other(live.slot))
    return (
        StopSlot(app.name, fresh.slot),
        AimSlot(app.name, fresh.slot, release.version),
        StartSlot(app.name, fresh.slot),
        await_slot(release, app.settings, fresh.slot),
        EnableSlot(app.name, fresh.slot),
        *change_steps.site_steps(app, fresh.slot),
        StopSlot(app.name, live.slot),
        WriteFile(str(app.paths.live), records.json_text(fresh)),
    )


def scale(before: AppState, after: AppState) -> Plan:
    """The steps after scale.json was written."""
    if after.settings.stopped:
        return stop(after)
    if before.settings.stopped:
        return start(after) if after.has_web else ()
    live, release = after.live, after.release
    runs = live is not None and after.server.host.main_pid(after.name, live.slot) is not None
    if live is None or release is None or not runs or not release.gunicorn:
        return ()
    limit_s = float(after.settings.check_limit_s)
    return (
        AimSlot(after.name, live.slot, live.release, reload=True),
        AwaitRelease(after.name, live.slot, live.release, limit_s),
    )


def await_slot(release: Release, settings: App, slot: SlotLetter) -> AnyStep:
    """The step that waits until a slot serves."""
    limit_s = float(settings.check_limit_s)
    if release.gunicorn:
        return AwaitRelease(release.app, slot, release.version, limit_s)
    port = settings.own_port(slot)
    return AwaitAnswer(release.app, slot, port, limit_s, release.checked_by(settings))

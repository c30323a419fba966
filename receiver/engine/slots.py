"""An app's web process in its two slots: the steps by which it is replaced, stopped, started and
given workers, and what serves.

Whoever only looks at what serves imports nothing of nginx's files.
"""

from receiver.changes.app_state import AppState
from receiver.engine import starts
from receiver.engine.starts import Starts
from receiver.health import workers
from receiver.machine import proc, sockets
from receiver.model.layout import SLOTS, SlotLetter
from receiver.model.plan import (
    AimSlot,
    AnyStep,
    AskThroughNginx,
    AwaitAnswer,
    AwaitRelease,
    EnableSlot,
    Link,
    Plan,
    StartSlot,
    StopSlot,
    WriteFile,
)
from receiver.model.release import Live, Release
from receiver.model.settings import App
from receiver.planner.swap import Swap, SwapFacts, other, plan_stop_first, plan_swap, stops_first
from receiver.state import records


def serving(app: AppState) -> dict[int, str]:
    """What serves, by process id, each with its release: workers of gunicorn, or another server."""
    master = app.server.host.main_pid(app.name, app.slot)
    if master is None or app.release is None:
        return {}
    if app.release.gunicorn is None:
        listens = sockets.is_listened_on(app.settings.own_port(app.slot))
        return {master: app.release.label} if listens else {}
    alive = proc.children(master)
    told = workers.ready_workers(app.paths.slot_run(app.slot))
    return {pid: label for pid, label in sorted(told.items()) if pid in alive}


def runs(app: AppState) -> bool:
    """Whether the slot has a main process."""
    return app.server.host.main_pid(app.name, app.slot) is not None


def failed_starts(app: AppState) -> Starts | None:
    """How the slot ends again and again; None where it does not, or does not run at all."""
    pid = app.server.host.running(app.name).get(app.slot)
    return None if pid is None else starts.failed_starts(app.paths.slot_run(app.slot), pid)


def make_way(app: AppState, release: Release) -> Plan:
    """The steps that end what runs before anything of the release starts; mostly none."""
    if not stops_first(app.release, release):
        return ()
    running = app.server.host.running(app.name)
    return plan_stop_first(app.release, release, running, app.formation)


def take_over(app: AppState, release: Release, *, same_start: bool) -> Swap:
    """How a release takes over from the live one."""
    from receiver.changes import steps as change_steps  # noqa: PLC0415 - see above

    return plan_swap(
        SwapFacts(
            new=release,
            old=app.release,
            slot=app.slot,
            running=app.server.host.running(app.name),
            same_start=same_start and _hears(app),
            settings=app.settings,
            current=Link(str(app.paths.current), f"releases/{release.label}"),
            site=lambda slot: change_steps.site_change(app, release, slot),
        )
    )


def stop(after: AppState) -> Plan:
    """The steps that stop web, and show visitors that it is stopped."""
    from receiver.changes import steps as change_steps  # noqa: PLC0415 - see above

    return (
        *change_steps.site_steps(after),
        *(StopSlot(after.name, slot) for slot in SLOTS),
        EnableSlot(after.name, None),
    )


def start(after: AppState) -> Plan:
    """The steps that start web of the live release again."""
    from receiver.changes import steps as change_steps  # noqa: PLC0415 - see above

    live, release = _live(after)
    return (
        *_stop_other(after),
        AimSlot(after.name, live.slot, release.version),
        StartSlot(after.name, live.slot),
        await_slot(release, after.settings, live.slot),
        EnableSlot(after.name, live.slot),
        *change_steps.site_steps(after),
        AskThroughNginx(after.name, release.checked_by(after.settings)),
    )


def restart(app: AppState) -> Plan:
    """The steps that have the other slot take over with the same release."""
    from receiver.changes import steps as change_steps  # noqa: PLC0415 - see above

    live, release = _live(app)
    if stops_first(release, release):
        return (StopSlot(app.name, live.slot), *start(app))
    fresh = Live(release=live.release, slot=other(live.slot))
    return (
        StopSlot(app.name, fresh.slot),
        AimSlot(app.name, fresh.slot, release.version),
        StartSlot(app.name, fresh.slot),
        await_slot(release, app.settings, fresh.slot),
        EnableSlot(app.name, fresh.slot),
        *change_steps.site_steps(app, fresh.slot),
        StopSlot(app.name, live.slot),
        WriteFile(str(app.paths.live), records.json_text(fresh), 0o600),
    )


def scale(before: AppState, after: AppState) -> Plan:
    """The steps after scale.json was written."""
    if after.settings.stopped:
        return stop(after)
    if before.settings.stopped:
        return start(after) if after.has_web else ()
    live, release = after.live, after.release
    if live is None or release is None or not release.gunicorn or not runs(after):
        return ()
    if stops_first(release, release) or not _hears(after):
        return restart(after)
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
    check, line = release.checked_by(settings), release.lines.get("web", "")
    return AwaitAnswer(release.app, slot, port, limit_s, check, line, release.fixed_port)


def _stop_other(app: AppState) -> Plan:
    """The step that leaves one slot, where another runs that nobody should know of."""
    spare = other(app.slot)
    return (StopSlot(app.name, spare),) if spare in app.server.host.running(app.name) else ()


def _hears(app: AppState) -> bool:
    """Whether a HUP would be answered: without its run folder, no worker can say that it serves."""
    return app.paths.slot_run(app.slot).is_dir()


def _live(app: AppState) -> tuple[Live, Release]:
    """What is live, of an app that has a web process."""
    if app.live is None or app.release is None:
        raise TypeError(app)
    return app.live, app.release

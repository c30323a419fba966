"""The last stage: has a release that stands ready take over, and records it as live.

What cannot be taken back begins here, with the release phase: it may change a database.
"""

from collections.abc import Mapping

from receiver.changes import steps as change_steps
from receiver.changes.app_state import AppState
from receiver.changes.change import AppChange
from receiver.changes.points import reached
from receiver.deploy.stages import canary, phases
from receiver.deploy.stages.config import known_of_live
from receiver.deploy.stages.ready import Ready
from receiver.model.errors import ShipError
from receiver.model.maintenance import closed_notice
from receiver.model.plan import Plan, SetFormation, StopSlot, WriteFile
from receiver.model.release import Live, Release
from receiver.model.webserver import needs_fresh_start
from receiver.planner.formation import plan_formation, tell_formation, unknown_rules
from receiver.planner.swap import Swap
from receiver.state import records, release_times
from receiver.storage import served


def take_over(work: AppChange, ready: Ready) -> Live:
    """Run the release phase, ask a canary, and send visitors to the new release.

    Raises:
        ReleaseError: the release phase failed
        CheckError: the release does not answer as it should
        SwapError: it did not take over
    """
    decision, release = ready.decision, ready.release
    way = way_for(work.state, release)
    stopped_at = _make_way(work, release, way)
    phases.release_phase(work, release, decision.occasion, wanted=decision.release_phase)
    _check(work, release)
    if release.static_of_storage:
        served.open_to_nginx(work.state, sorted(set(release.static_of_storage.values())))
    swap = planned_swap(work.state, release, decision.config)
    work.out.step(f"Swapping to {release.label}")
    work.out.say(swap.how)
    _apply(work, release, swap)
    if stopped_at is not None:
        gap_s = work.server.clock.now() - stopped_at
        work.out.say(f"Nobody was served for {gap_s:.1f} s.")
    _replace_background(work, release, stopped=bool(way))
    live = _record(work, release, swap)
    phases.postdeploy(work, release, decision.postdeploy)
    return live


def planned_swap(app: AppState, release: Release, config: Mapping[str, str]) -> Swap:
    """How a release that runs with `config` would take over."""
    # no config var that only a fresh program reads differs
    runs = known_of_live(app)
    same_start = runs is not None and not needs_fresh_start(runs, config)
    return app.server.engine.web.take_over(app, release, same_start=same_start)


def way_for(app: AppState, release: Release) -> Plan:
    """The steps that end what runs before anything of a release starts; mostly none."""
    return app.server.engine.web.make_way(app, release)


def live_step(app: AppState, live: Live) -> WriteFile:
    """The step that records a release as live, last of all."""
    return WriteFile(str(app.paths.live), records.json_text(live), 0o600)


def _make_way(work: AppChange, release: Release, way: Plan) -> float | None:
    """Stop what runs, where the ship.toml of one of the releases asks for it.

    Returns:
        when web was told to end, by the server's clock; None where it was not
    """
    app, since = work.state, None
    if not way or app.release is None:
        return None
    work.out.step(f"Stopping {app.release.label}")
    work.out.say(f'ship.toml says order = "stop-first": it ends before {release.label} starts.')
    work.out.say(f"Should {release.label} fail, {app.release.label} is started again.")
    for step in way:
        if since is None and isinstance(step, StopSlot):
            since = work.server.clock.now()
        work.do(step)
    return since


def _check(work: AppChange, release: Release) -> None:
    """Ask a canary of the new release, where it has one."""
    if not canary.has_canary(release):
        return
    work.out.step(f"Checking {release.label}")
    canary.check(work.state, release, work.out)
    reached("checked")


def _apply(work: AppChange, release: Release, swap: Swap) -> None:
    try:
        work.apply(swap.plan)
    except ShipError as error:
        raise canary.explain_slot(work.state, release, swap.slot, error) from error


def _replace_background(work: AppChange, release: Release, *, stopped: bool) -> None:
    """Have the background processes be of the new release; an app without any pays nothing.

    `stopped` is where none runs any more.
    """
    app, out = work.state, work.out
    before, scale = app.formation, records.read_scale(app.paths)
    wanted = plan_formation(release, scale, app.settings)
    told = list(tell_formation(release, wanted, before, scale))
    if told:
        out.step("Starting processes besides web" if wanted else "Processes besides web")
    for line in told:
        out.say(line)
    for line in unknown_rules(release):
        out.warn(line)
    if wanted != ({} if stopped else before):
        work.do(SetFormation(app.name, wanted))


def _record(work: AppChange, release: Release, swap: Swap) -> Live:
    app, live = work.state, Live(release=release.version, slot=swap.slot)
    work.apply((*change_steps.timer_steps(app, release.cron), live_step(app, live)))
    release_times.note(app.paths, release_times.LIVE, release.version)
    if app.settings.maintenance is not None:
        work.out.warn(closed_notice(app.paths.name))
    return live

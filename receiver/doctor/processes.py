"""What should run of an app and what the boot should start: sockets, slots, workers and timers."""

from collections.abc import Iterable, Iterator, Mapping

from receiver.changes import steps as change_steps
from receiver.doctor import strangers
from receiver.doctor.seen import AppSeen, Seen
from receiver.engine import background
from receiver.engine.slots import await_slot
from receiver.health import workers
from receiver.machine import proc, sockets
from receiver.model.finding import AnyRepair, Finding, Steps
from receiver.model.formation import Instance, instances
from receiver.model.layout import SLOTS, SlotLetter
from receiver.model.plan import (
    AimSlot,
    AwaitRelease,
    EnableSlot,
    HoldSocket,
    RestartProcesses,
    SetFormation,
    SetTimers,
    StartSlot,
    StopSlot,
)
from receiver.model.release import Live, Release
from receiver.nginx.sites import web_port
from receiver.planner.formation import plan_formation

Running = Mapping[SlotLetter, int]
"""The slots that run, by main process; 0 while it has none."""


def look(seen: Seen, app: AppSeen) -> Iterator[Finding]:
    """What does not run as it should, or would not after a boot."""
    yield from _socket(seen, app)
    if app.serves is not None:
        running = seen.server.host.running(app.name)
        yield from _slot(seen, app, *app.serves, running)
        yield from _old_slot(app, *app.serves, running)
        yield from _strangers(seen, app, *app.serves, running)
    elif app.settings.stopped:
        yield from _runs_although_stopped(seen, app)
    yield from _formation(seen, app)
    yield from _timers(seen, app)
    yield from seen.examiner.of_boot(app)


def _start_again(app: AppSeen, live: Live, release: Release) -> Steps:
    """Have the live release served afresh, whatever state its slot is in."""
    start = (StartSlot(app.name, live.slot), await_slot(release, app.settings, live.slot))
    return Steps(app.name, (StopSlot(app.name, live.slot), *start, EnableSlot(app.name, live.slot)))


def _go_on_trying(seen: Seen, app: AppSeen, live: Live, release: Release) -> tuple[AnyRepair, ...]:
    """What has the process manager start it again and again, as it does with what ends by
    itself.
    """
    return (seen.examiner.start_again(app.name, release, live.slot),)


def _socket(seen: Seen, app: AppSeen) -> Iterator[Finding]:
    unit = seen.examiner.socket(app.name)
    if unit is None or unit.runs or unit.is_masked:
        return
    port, pid = app.settings.port, sockets.holder(app.settings.port)
    own = app.serves is not None and _is_own(seen, app, port)
    if pid is not None and not own:
        yield Finding(
            name="port.taken",
            app=app.name,
            severity="broken",
            title=f"Another program has the port of {app.name}.",
            seen=(f"{sockets.shown(pid)} listens on port {port}.", unit.shown),
            means="Visitors reach that program, or get an error, instead of the app.",
            advice=f"{strangers.how_to_stop(pid)}; then `ship doctor --fix -a {app.name}`.",
        )
        return
    # apart, because a socket that is held again stays so, also where the app does not start
    repair: tuple[AnyRepair, ...] = (Steps(app.name, (HoldSocket(app.name),)),)
    if app.serves is not None:
        stop = Steps(app.name, (StopSlot(app.name, app.serves[0].slot),))
        repair = (stop, *repair, _start_again(app, *app.serves))
    yield Finding(
        name="socket.down",
        app=app.name,
        severity="broken",
        title=f"Nothing holds the port of {app.name}.",
        seen=(unit.shown, *((f"{sockets.shown(pid)} has it from before.",) if pid else ())),
        means="Requests are refused as soon as the web process ends, and no deploy can hand over.",
        does="hold the port again, and start the web process on it: a second without an answer",
        repair=repair,
        or_else=_go_on_trying(seen, app, *app.serves) if app.serves else (),
    )


def _is_own(seen: Seen, app: AppSeen, port: int) -> bool:
    """Whether the app's own web process still has the port."""
    pids = [pid for slot in SLOTS if (pid := seen.server.host.main_pid(app.name, slot))]
    family = {*pids, *(child for pid in pids for child in proc.children(pid))}
    return port in sockets.listening_ports(family)


def _slot(
    seen: Seen, app: AppSeen, live: Live, release: Release, running: Running
) -> Iterator[Finding]:
    pid = running.get(live.slot)
    if not pid:
        yield _down(seen, app, live, release)
        return
    if release.binds_itself:
        return
    if not app.paths.slot_run(live.slot).is_dir():
        yield _mute(app, live)
        return
    alive = proc.children(pid)
    told = workers.ready_workers(app.paths.slot_run(live.slot))
    wrong = {label for worker, label in told.items() if worker in alive} - {release.label}
    if wrong:
        steps = (
            AimSlot(app.name, live.slot, live.release, reload=True),
            AwaitRelease(app.name, live.slot, live.release, float(app.settings.check_limit_s)),
        )
        yield Finding(
            name="web.other-release",
            app=app.name,
            severity="broken",
            title=f"Workers serve {', '.join(sorted(wrong))}, and {release.label} is the live "
            "release.",
            seen=(f"live.json names {release.label}.",),
            means="Visitors see another release than `ship releases` tells.",
            does=f"have {release.label} take over",
            repair=(Steps(app.name, steps),),
        )


def _down(seen: Seen, app: AppSeen, live: Live, release: Release) -> Finding:
    unit = seen.examiner.web(app.name, release, live.slot)
    return Finding(
        name="web.down",
        app=app.name,
        severity="broken",
        title=f"The web process of {app.name} does not run.",
        seen=(unit.shown if unit else f"Nothing runs in slot {live.slot}.",),
        means="Visitors get 502, or wait.",
        does="start it, and wait until it answers",
        repair=(_start_again(app, live, release),),
        or_else=_go_on_trying(seen, app, live, release),
        advice=f"If it does not start: `ship logs -a {app.name}` has what it wrote.",
    )


def _mute(app: AppSeen, live: Live) -> Finding:
    return Finding(
        name="web.run-folder",
        app=app.name,
        severity="broken",
        title=f"The run folder of {app.name}'s web process is gone.",
        seen=(f"There is no {app.paths.slot_run(live.slot)}.",),
        means="What runs goes on. A worker that is lost is not replaced: none can say that it "
        "serves.",
        does="replace the web process by a fresh one, which makes its folder",
        repair=(Steps(app.name, app.server.engine.web.restart(app)),),
    )


def _old_slot(app: AppSeen, live: Live, release: Release, running: Running) -> Iterator[Finding]:
    other: SlotLetter = "b" if live.slot == "a" else "a"
    pid = running.get(other)
    if pid is not None:
        now = f"Process {pid}" if pid else "It is about to be started again"
        yield Finding(
            name="web.second-slot",
            app=app.name,
            severity="warning",
            title=f"A second web process of {app.name} runs, in slot {other}.",
            seen=(f"{now}; {release.label} serves in slot {live.slot}.",),
            means="Some visitors may be served by an old release, and it takes memory.",
            does="stop it",
            repair=(Steps(app.name, (StopSlot(app.name, other),)),),
        )


def _strangers(
    seen: Seen, app: AppSeen, live: Live, release: Release, running: Running
) -> Iterator[Finding]:
    """Who else listens where nginx sends the app's visitors; what is in a slot was told before."""
    port = web_port(app.settings, release, live.slot)
    others = _unknown(seen, app, port, running)
    if others:  # of what ends again and again, another one runs by now
        others &= _unknown(seen, app, port, seen.server.host.running(app.name))
    if others and running.get(live.slot):
        names = ", ".join(sockets.shown(pid) for pid in sorted(others))
        yield Finding(
            name="port.shared",
            app=app.name,
            severity="broken",
            title=f"Another process takes visitors of {app.name}.",
            seen=(f"{names} listens on port {port}, and is of no slot.",),
            means="Some visitors, or all, reach it in place of the live release.",
            advice=f"{'; '.join(map(strangers.how_to_stop, sorted(others)))}; then `ship doctor "
            f"-a {app.name}` again.",
        )


def _unknown(seen: Seen, app: AppSeen, port: int, running: Running) -> set[int]:
    """Who listens on a port, and is of no slot."""
    known = {pid for main in running.values() if main for pid in proc.together(main)}
    return set(sockets.listeners(port)) - known - seen.examiner.holders(app.name)


def _runs_although_stopped(seen: Seen, app: AppSeen) -> Iterator[Finding]:
    runs = sorted(seen.server.host.running(app.name))
    if runs:
        plan = tuple(StopSlot(app.name, slot) for slot in runs)
        yield Finding(
            name="web.not-stopped",
            app=app.name,
            severity="warning",
            title=f"{app.name} was stopped, and its web process runs.",
            seen=(f"app.toml says `stopped = true`; slot {' and '.join(runs)} runs.",),
            means="Visitors see that it is stopped, while it takes memory.",
            does="stop it",
            repair=(Steps(app.name, plan),),
            advice=f"Or have it started: `ship ps:start -a {app.name}`.",
        )


def _formation(seen: Seen, app: AppSeen) -> Iterator[Finding]:
    if app.live is None or app.release is None:
        return
    wanted = plan_formation(app.release, app.scale, app.settings)
    runs = seen.server.host.background.running(app.name) if wanted or app.formation else {}
    missing = [each for each in instances(wanted) if each not in runs]
    extra = [each for each in runs if each not in set(instances(wanted))]
    repair = (Steps(app.name, (SetFormation(app.name, wanted),)),)
    if missing:
        yield Finding(
            name="process.down",
            app=app.name,
            severity="broken",
            title=f"Background processes are not running: {_names(missing)}.",
            seen=tuple(_seen_of(seen, app, each) for each in missing),
            means="What they should do is not done.",
            does="start them",
            repair=repair,
        )
    elif extra:
        yield Finding(
            name="process.not-wanted",
            app=app.name,
            severity="warning",
            title=f"Background processes run that nobody asked for: {_names(extra)}.",
            seen=(
                f"{app.paths.scale} and the release have {_names(instances(wanted)) or 'none'}.",
            ),
            means="They do work that should not be done, and take memory.",
            does="stop them",
            repair=repair,
        )
    elif wanted != app.formation:
        yield Finding(
            name="process.outdated",
            app=app.name,
            severity="warning",
            title=f"Background processes are not those of {app.release.label}.",
            seen=(f"{app.paths.formation} is not what the release asks for.",),
            means="They run with the code or the settings of an earlier release.",
            does=f"start those of {app.release.label} in their place",
            repair=repair,
        )
    for each in instances(wanted):
        if each in runs:
            yield from _ends_again(seen, app, each, runs[each])


def _names(several: Iterable[Instance]) -> str:
    return ", ".join(each.name for each in several)


def _seen_of(seen: Seen, app: AppSeen, instance: Instance) -> str:
    unit = seen.examiner.process(app.name, instance)
    return unit.shown if unit else f"{instance.name} does not run."


def _ends_again(seen: Seen, app: AppSeen, each: Instance, pid: int) -> Iterator[Finding]:
    host, ended = seen.server.host.background, background.ends_of(app.paths, each, pid)
    if ended is None or ended.ends < 2:  # noqa: PLR2004 - one end is no habit
        return
    line = host.last_line(app.name, each)
    yield Finding(
        name="process.crashes",
        app=app.name,
        severity="broken",
        title=f"{each.name} is crashing: {ended.ends} restarts in a row.",
        seen=(
            f"The last end: {host.last_end(app.name, each) or 'not on record'}.",
            *((f"It wrote: {app.masked(line)}",) if line else ()),
        ),
        means="What it should do is not done.",
        does="start it afresh, in case its cause is gone",
        repair=(Steps(app.name, (RestartProcesses(app.name, (each.name,)),)),),
        advice=f"Read `ship logs -p {each.name} -a {app.name}`, correct the app and push again.",
    )


def _timers(seen: Seen, app: AppSeen) -> Iterator[Finding]:
    if app.release is None:
        return
    steps = change_steps.timer_steps(app, app.release.cron)
    asleep = seen.examiner.asleep(app)
    if not steps and asleep:
        steps = (SetTimers(app.name, app.timers),)
    if steps:
        yield Finding(
            name="cron.not-waiting",
            app=app.name,
            severity="broken",
            title=f"Cron jobs of {app.name} would not start when they are due.",
            seen=asleep or ("timers.json is not what the release asks for.",),
            means="Their work is not done.",
            does="have them wait again",
            repair=(Steps(app.name, steps),),
        )

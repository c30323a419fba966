"""The stories of an app's processes: stop, start, restart, scale; of all, of one type, or of one process."""

import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from msgspec.structs import replace

from receiver import apps, records, workers
from receiver.model.errors import NotFoundError, UsageError
from receiver.model.formation import NOT_IN_BACKGROUND, WEB, instances
from receiver.model.layout import SLOTS, AppPaths
from receiver.model.limits import MAX_PROCESSES
from receiver.model.names import AppName
from receiver.model.plan import (
    AimSlot,
    AnyStep,
    AskThroughNginx,
    AwaitAnswer,
    AwaitRelease,
    EnableSlot,
    Plan,
    RestartProcesses,
    SetFormation,
    StartSlot,
    StopSlot,
    WriteFile,
)
from receiver.model.release import Live, Release
from receiver.model.settings import ALL_TYPES, App
from receiver.model.webserver import Gunicorn
from receiver.planner.formation import background_types, plan_formation
from receiver.planner.swap import other
from receiver.server import Server


@dataclass(frozen=True, slots=True)
class _Now:
    """An app as it is before a change of its processes."""

    server: Server
    paths: AppPaths
    settings: App
    scale: dict[str, int]
    live: Live | None
    release: Release | None

    @property
    def name(self) -> AppName:
        return self.paths.name

    @property
    def has_web(self) -> bool:
        return self.release is not None and self.release.served == "process"

    @property
    def types(self) -> list[str]:
        """The process types of the live release that run."""
        return [*([WEB] if self.has_web else []), *background_types(self.release)]

    @property
    def serving(self) -> tuple[Live, Release]:
        """What serves, of an app that has a web process."""
        if self.live is None or self.release is None:
            raise _no_process(self, WEB)
        return self.live, self.release


class Wish(NamedTuple):
    """How many processes of a type somebody wants: `=`, `+` or `-`, and a number."""

    type: str
    sign: str
    number: int


def stop(server: Server, name: AppName, process_type: str | None = None) -> None:
    """Stop processes; they stay stopped over deploys and reboots until `start`.

    Args:
        server: the server
        name: the app
        process_type: the one type to stop; all when None
    """
    _change(server, name, lambda now: _plan_stop(now, process_type), "stop")


def start(server: Server, name: AppName, process_type: str | None = None) -> None:
    """Start processes of the live release again: those of one type, or all."""
    _change(server, name, lambda now: _plan_start(now, process_type), "start")


def restart(server: Server, name: AppName, process: str | None = None) -> None:
    """Replace processes by fresh ones of the same release; the site answers all the while.

    Args:
        server: the server
        name: the app
        process: a type, or one process of a type other than web, such as `worker.1`; all when None
    """
    _change(server, name, lambda now: _plan_restart(now, process), "restart")


def scale(server: Server, name: AppName, wishes: Iterable[Wish]) -> None:
    """Set how many processes of some types there should be, all in one change; of web, how many workers.

    Raises:
        UsageError: not a number of processes that makes sense
        NotFoundError: the app has no such type
    """
    _change(server, name, lambda now: _plan_scale(now, wishes), "scaling")


def planned_scale(server: Server, name: AppName, wishes: Iterable[Wish]) -> Plan:
    """The steps of `scale`, as things are now; none is done."""
    return _plan_scale(_now(server, server.app(name)), wishes)


def planned_restart(server: Server, name: AppName, process: str | None) -> Plan:
    """The steps of `restart`, as things are now; none is done."""
    return _plan_restart(_now(server, server.app(name)), process)


def planned_stop(server: Server, name: AppName, process_type: str | None) -> Plan:
    """The steps of `stop`, as things are now; none is done."""
    return _plan_stop(_now(server, server.app(name)), process_type)


def planned_start(server: Server, name: AppName, process_type: str | None) -> Plan:
    """The steps of `start`, as things are now; none is done."""
    return _plan_start(_now(server, server.app(name)), process_type)


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


def _change(server: Server, name: AppName, plan: Callable[[_Now], Plan], title: str) -> None:
    """Plan and do a change under the app's lock: until then, a deploy may make another release live."""
    paths = server.app(name)
    apps.change(server, paths, lambda: plan(_now(server, paths)), title)


def _plan_stop(now: _Now, process_type: str | None) -> Plan:
    _check_type(now, process_type)
    settings = _with_stopped(now, process_type)
    web = _stop_web(now, settings) if process_type in {None, WEB} else ()
    step = apps.settings_step(now.paths, settings)
    return (step, *web, *_formation(now, settings, now.scale))


def _plan_start(now: _Now, process_type: str | None) -> Plan:
    if (
        now.release is not None or not now.settings.stopped
    ):  # what was stopped before its first push
        _check_some(now)
    _check_type(now, process_type)
    settings = replace(now.settings, stopped=False, stopped_types=())
    if process_type is not None:
        settings = _without_stopped(now, {process_type})
    web = process_type in {None, WEB} and now.has_web
    step = apps.settings_step(now.paths, settings)
    steps = _start_web(now, settings) if web else ()
    return (step, *steps, *_formation(now, settings, now.scale))


def _plan_restart(now: _Now, process: str | None) -> Plan:
    _check_some(now)
    process_type = process.partition(".")[0] if process else None
    _check_type(now, process_type)
    web = process_type in {None, WEB} and now.has_web
    if web and now.settings.stopped:
        return _plan_start(now, process_type)
    return (*(_restart_web(now) if web else ()), *_restart_background(now, process))


def _plan_scale(now: _Now, wishes: Iterable[Wish]) -> Plan:
    wanted: dict[str, int] = {}
    for wish in wishes:
        wanted[wish.type] = _wanted(now, wish, wanted)
        _check_count(wish.type, wanted[wish.type])
        if now.release is not None and wish.type not in now.scale:
            _check_type(now, wish.type)
    scale = {**now.scale, **{kind: count for kind, count in wanted.items() if kind != WEB or count}}
    settings = _without_stopped(now, {kind for kind, count in wanted.items() if count})
    settings = settings if wanted.get(WEB) != 0 else replace(settings, stopped=True)
    plan: list[AnyStep] = [WriteFile(str(now.paths.scale), records.scale_text(scale))]
    if settings != now.settings:
        plan.append(apps.settings_step(now.paths, settings))
    if WEB in wanted:
        plan += _scale_web(now, settings)
    return (*plan, *_formation(now, settings, scale))


def _wanted(now: _Now, wish: Wish, chosen: Mapping[str, int]) -> int:
    """The number that a wish comes to, after those before it."""
    if wish.sign == "=":
        return wish.number
    before = chosen.get(wish.type, now.scale.get(wish.type, 0))
    if wish.type == WEB and WEB not in chosen:
        before = web_wanted(now.server, now.paths, now.settings, now.live)
    return before + wish.number if wish.sign == "+" else before - wish.number


def await_slot(release: Release, settings: App, live: Live) -> AnyStep:
    """The step that waits until a slot serves."""
    limit_s = float(settings.check_limit_s)
    if _is_gunicorn(release):
        return AwaitRelease(release.app, live.slot, release.version, limit_s)
    port = settings.own_port(live.slot)
    return AwaitAnswer(release.app, live.slot, port, limit_s, release.checked_by(settings))


def _now(server: Server, paths: AppPaths) -> _Now:
    live = records.read_live(paths)
    release = records.read_release(paths, live.release) if live else None
    return _Now(server, paths, records.read_app(paths), records.read_scale(paths), live, release)


def _stop_web(now: _Now, settings: App) -> Plan:
    site = apps.site_steps(now.server, now.paths, settings, now.release, now.live)
    return (*site, *(StopSlot(now.name, slot) for slot in SLOTS), EnableSlot(now.name, None))


def _start_web(now: _Now, settings: App) -> Plan:
    live, release = now.serving
    return (
        AimSlot(now.name, live.slot, release.version),
        StartSlot(now.name, live.slot),
        await_slot(release, settings, live),
        EnableSlot(now.name, live.slot),
        *apps.site_steps(now.server, now.paths, settings, release, live),
        AskThroughNginx(now.name, release.checked_by(settings)),
    )


def _restart_web(now: _Now) -> Plan:
    live, release = now.serving
    fresh = Live(release=live.release, slot=other(live.slot))
    return (
        StopSlot(now.name, fresh.slot),
        AimSlot(now.name, fresh.slot, release.version),
        StartSlot(now.name, fresh.slot),
        await_slot(release, now.settings, fresh),
        EnableSlot(now.name, fresh.slot),
        *apps.site_steps(now.server, now.paths, now.settings, release, fresh),
        StopSlot(now.name, live.slot),
        WriteFile(str(now.paths.live), records.json_text(fresh)),
    )


def _scale_web(now: _Now, settings: App) -> Plan:
    """The steps after scale.json was written."""
    if settings.stopped:
        return _stop_web(now, settings)
    if now.settings.stopped:
        return _start_web(now, settings) if now.has_web else ()
    live, release = now.live, now.release
    runs = live is not None and now.server.host.main_pid(now.name, live.slot) is not None
    if live is None or release is None or not runs or not _is_gunicorn(release):
        return ()
    limit_s = float(settings.check_limit_s)
    return (
        AimSlot(now.name, live.slot, live.release, reload=True),
        AwaitRelease(now.name, live.slot, live.release, limit_s),
    )


def _restart_background(now: _Now, process: str | None) -> Plan:
    if process and process.startswith(f"{WEB}."):
        raise UsageError(
            "The workers of web are not restarted one by one.",
            detail="They are replaced together, while the old ones go on serving.",
            advice="Type `ship ps:restart web`.",
            reason="usage/web-as-a-whole",
        )
    known = [each.name for each in instances(records.read_formation(now.paths))]
    chosen = tuple(name for name in known if process in {None, name, name.rpartition(".")[0]})
    if process and process != WEB and not chosen:
        raise NotFoundError(
            f"No process {process} of {now.name} runs.",
            detail=f"There are: {', '.join(known)}." if known else "",
            advice="`ship ps` lists what runs; `ship ps:scale` says how many there should be.",
            reason="not-found/process",
        )
    return (RestartProcesses(now.name, chosen),) if chosen else ()


def _formation(now: _Now, settings: App, scale: Mapping[str, int]) -> Plan:
    """The step that makes the processes besides web what they should be; none where they are."""
    wanted = plan_formation(now.release, scale, settings)
    if wanted == records.read_formation(now.paths):
        return ()
    return (SetFormation(now.name, wanted),)


def _with_stopped(now: _Now, process_type: str | None) -> App:
    if process_type is None:
        return replace(now.settings, stopped=True, stopped_types=(ALL_TYPES,))
    if process_type == WEB:
        return replace(now.settings, stopped=True)
    stopped = {*now.settings.stopped_types, process_type}
    return replace(now.settings, stopped_types=tuple(sorted(stopped)))


def _without_stopped(now: _Now, started: set[str]) -> App:
    """The settings after these types are started; `*` becomes the names of the others."""
    stopped = set(now.settings.stopped_types)
    if ALL_TYPES in stopped and started - {WEB}:
        stopped = (stopped | set(background_types(now.release))) - {ALL_TYPES}
    web = now.settings.stopped and WEB not in started
    return replace(now.settings, stopped=web, stopped_types=tuple(sorted(stopped - started)))


def _is_gunicorn(release: Release) -> bool:
    return isinstance(release.processes.get(WEB), Gunicorn)


def _check_count(process_type: str, count: int) -> None:
    if process_type in NOT_IN_BACKGROUND - {WEB}:
        raise UsageError(
            f"{process_type} is not a process that goes on running.",
            detail="It runs once in each deploy, before the new release takes over.",
            reason="usage/bad-scale",
        )
    if not 0 <= count <= MAX_PROCESSES:
        raise UsageError(
            f"{process_type}={count} is not a number of processes.",
            detail=f"It can be 0 to {MAX_PROCESSES}.",
            advice="Two or three for each core are plenty: `ship ps:scale web=2`.",
            reason="usage/bad-scale",
        )


def _check_some(now: _Now) -> None:
    if not now.types:
        raise _no_process(now, WEB)


def _check_type(now: _Now, process_type: str | None) -> None:
    if process_type is not None and process_type not in now.types:
        raise _no_process(now, process_type)


def _no_process(now: _Now, process_type: str) -> NotFoundError:
    if now.release is None:
        return NotFoundError(
            f"{now.name} has no {process_type} process.",
            detail="It has no release yet.",
            advice="Push some code: `git push prod main`.",
            reason="not-found/process",
        )
    known, close = ", ".join(now.types), difflib.get_close_matches(process_type, now.types, n=1)
    meant = "Process types are the names before the colons of the Procfile."
    return NotFoundError(
        f"{now.name} has no {process_type} process.",
        detail=f"Its process types are: {known}." if known else "Its Procfile names none that run.",
        advice=f"Did you mean {close[0]}?" if close else meant,
        reason="not-found/process",
    )

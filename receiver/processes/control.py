"""The stories of an app's processes: stop, start, restart, scale; of all, of one type, or of one
process.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from receiver.changes import change as app_change
from receiver.changes import steps as change_steps
from receiver.model.errors import NotFoundError, UsageError
from receiver.model.formation import NOT_IN_BACKGROUND, WEB, instances
from receiver.model.limits import MAX_PROCESSES
from receiver.model.names import AppName
from receiver.model.plan import AnyStep, Plan, RestartProcesses, SetFormation, WriteFile
from receiver.model.settings import ALL_TYPES, App
from receiver.planner.formation import background_types, plan_formation
from receiver.processes import web_steps
from receiver.processes.now import Now, check_some, check_type, now_of
from receiver.server import Server
from receiver.state import records


class Wish(NamedTuple):
    """How many processes of a type somebody wants: `=`, `+` or `-`, and a number."""

    type: str
    sign: str
    number: int


class Change(NamedTuple):
    """What is to become of an app's processes: a word for the lock, and how it is planned."""

    title: str
    plan: Callable[[Now], Plan]


def stopping(process_type: str | None = None) -> Change:
    """Stop processes, of one type or all; they stay stopped over deploys and reboots until they
    are started.
    """
    return Change("stop", lambda now: _plan_stop(now, process_type))


def starting(process_type: str | None = None) -> Change:
    """Start processes of the live release again: those of one type, or all."""
    return Change("start", lambda now: _plan_start(now, process_type))


def restarting(process: str | None = None) -> Change:
    """Replace processes by fresh ones of the same release; the site answers all the while.

    Args:
        process: a type, or one process of a type other than web, such as `worker.1`; all when None
    """
    return Change("restart", lambda now: _plan_restart(now, process))


def scaling(wishes: Sequence[Wish]) -> Change:
    """Set how many processes of some types there should be, all at once; of web, how many
    workers.
    """
    return Change("scaling", lambda now: _plan_scale(now, wishes))


def planned(server: Server, name: AppName, change: Change) -> Plan:
    """The steps of a change, as things are now; none is done.

    Raises:
        UsageError: not a number of processes that makes sense, or workers of web one by one
        NotFoundError: the app has no such type or process
    """
    return change.plan(now_of(server, server.app(name)))


def do(server: Server, name: AppName, change: Change) -> None:
    """Plan and do a change under the app's lock: until then, a deploy may make another release
    live.
    """
    paths = server.app(name)
    app_change.change(server, paths, lambda: change.plan(now_of(server, paths)), change.title)


def _plan_stop(now: Now, process_type: str | None) -> Plan:
    check_type(now, process_type)
    settings = _with_stopped(now, process_type)
    web = web_steps.stop(now, settings) if process_type in {None, WEB} else ()
    step = change_steps.settings_step(now.paths, settings)
    return (step, *web, *_formation(now, settings, now.scale))


def _plan_start(now: Now, process_type: str | None) -> Plan:
    if now.release is not None or not now.settings.stopped:
        check_some(now)  # but not of what was stopped before its first push
    check_type(now, process_type)
    settings = replace(now.settings, stopped=False, stopped_types=())
    if process_type is not None:
        settings = _without_stopped(now, {process_type})
    web = process_type in {None, WEB} and now.has_web
    step = change_steps.settings_step(now.paths, settings)
    steps = web_steps.start(now, settings) if web else ()
    return (step, *steps, *_formation(now, settings, now.scale))


def _plan_restart(now: Now, process: str | None) -> Plan:
    check_some(now)
    process_type = process.partition(".")[0] if process else None
    check_type(now, process_type)
    web = process_type in {None, WEB} and now.has_web
    if web and now.settings.stopped:
        return _plan_start(now, process_type)
    return (*(web_steps.restart(now) if web else ()), *_restart_background(now, process))


def _plan_scale(now: Now, wishes: Sequence[Wish]) -> Plan:
    wanted: dict[str, int] = {}
    for wish in wishes:
        wanted[wish.type] = _wanted(now, wish, wanted)
        _check_count(wish.type, wanted[wish.type])
        if now.release is not None and wish.type not in now.scale:
            check_type(now, wish.type)
    scale = {**now.scale, **{kind: count for kind, count in wanted.items() if kind != WEB or count}}
    settings = _without_stopped(now, {kind for kind, count in wanted.items() if count})
    settings = settings if wanted.get(WEB) != 0 else replace(settings, stopped=True)
    plan: list[AnyStep] = [WriteFile(str(now.paths.scale), records.scale_text(scale))]
    if settings != now.settings:
        plan.append(change_steps.settings_step(now.paths, settings))
    if WEB in wanted:
        plan += web_steps.scale(now, settings)
    return (*plan, *_formation(now, settings, scale))


def _wanted(now: Now, wish: Wish, chosen: Mapping[str, int]) -> int:
    """The number that a wish comes to, after those before it."""
    if wish.sign == "=":
        return wish.number
    before = chosen.get(wish.type, now.scale.get(wish.type, 0))
    if wish.type == WEB and WEB not in chosen:
        before = web_steps.web_wanted(now.server, now.paths, now.settings, now.live)
    return before + wish.number if wish.sign == "+" else before - wish.number


def _restart_background(now: Now, process: str | None) -> Plan:
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


def _formation(now: Now, settings: App, scale: Mapping[str, int]) -> Plan:
    """The step that makes the processes besides web what they should be; none where they are."""
    wanted = plan_formation(now.release, scale, settings)
    if wanted == records.read_formation(now.paths):
        return ()
    return (SetFormation(now.name, wanted),)


def _with_stopped(now: Now, process_type: str | None) -> App:
    if process_type is None:
        return replace(now.settings, stopped=True, stopped_types=(ALL_TYPES,))
    if process_type == WEB:
        return replace(now.settings, stopped=True)
    stopped = {*now.settings.stopped_types, process_type}
    return replace(now.settings, stopped_types=tuple(sorted(stopped)))


def _without_stopped(now: Now, started: set[str]) -> App:
    """The settings after these types are started; `*` becomes the names of the others."""
    stopped = set(now.settings.stopped_types)
    if ALL_TYPES in stopped and started - {WEB}:
        stopped = (stopped | set(background_types(now.release))) - {ALL_TYPES}
    web = now.settings.stopped and WEB not in started
    return replace(now.settings, stopped=web, stopped_types=tuple(sorted(stopped - started)))


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

"""The stories of an app's processes: stop, start, restart, scale; of all, of one type, or of one
process.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from receiver.changes import steps as change_steps
from receiver.changes.app_state import AppState, state_of
from receiver.changes.change import changing
from receiver.model.errors import NotFoundError, UsageError
from receiver.model.formation import NOT_IN_BACKGROUND, WEB, instances
from receiver.model.limits import MAX_PROCESSES
from receiver.model.names import AppName
from receiver.model.output import Output, Warnings
from receiver.model.plan import AnyStep, Plan, RestartProcesses, SetFormation
from receiver.model.settings import ALL_TYPES, App
from receiver.planner.formation import background_types, plan_formation
from receiver.processes.look import web_wanted
from receiver.processes.refusals import check_some, check_type
from receiver.server import Server
from receiver.state import builds, records


class Wish(NamedTuple):
    """How many processes of a type somebody wants: `=`, `+` or `-`, and a number."""

    type: str
    sign: str
    number: int


class Change(NamedTuple):
    """What is to become of an app's processes: a word for the lock, and how it is planned."""

    title: str
    plan: Callable[[AppState], Plan]


def stopping(process_type: str | None = None) -> Change:
    """Stop processes, of one type or all; they stay stopped over deploys and reboots until they
    are started.
    """
    return Change("stop", lambda app: _plan_stop(app, process_type))


def starting(process_type: str | None = None) -> Change:
    """Start processes of the live release again: those of one type, or all."""
    return Change("start", lambda app: _plan_start(app, process_type))


def restarting(process: str | None = None) -> Change:
    """Replace processes by fresh ones of the same release; the site answers all the while.

    Args:
        process: a type, or one process of a type other than web, such as `worker.1`; all when None
    """
    return Change("restart", lambda app: _plan_restart(app, process))


def scaling(wishes: Sequence[Wish]) -> Change:
    """Set how many processes of some types there should be, all at once; of web, how many
    workers.
    """
    return Change("scaling", lambda app: _plan_scale(app, wishes))


def planned(server: Server, name: AppName, change: Change) -> Plan:
    """The steps of a change, as things are now; none is done.

    Raises:
        UsageError: not a number of processes that makes sense, or workers of web one by one
        NotFoundError: the app has no such type or process
    """
    return change.plan(state_of(server, name))


def do(
    server: Server,
    name: AppName,
    change: Change,
    out: Output | None = None,
    *,
    build: int | None = None,
) -> None:
    """Plan and do a change under the app's lock: until then, a deploy may make another release
    live. `out` is warned of what does not end; `build` is the build that does it, if one does.
    """
    told = Warnings(out) if out else None
    with changing(server, name, change.title, told, build=build) as under_way:
        under_way.apply(change.plan(under_way.state))
        if build is not None:
            builds.note_done(under_way.paths, build)


def _plan_stop(app: AppState, process_type: str | None) -> Plan:
    check_type(app, process_type)
    after = app.with_settings(_with_stopped(app, process_type))
    web = app.server.engine.web.stop(after) if process_type in {None, WEB} else ()
    return (change_steps.settings_step(after), *web, *_formation(after, app.scale))


def _plan_start(app: AppState, process_type: str | None) -> Plan:
    if app.release is not None or not app.settings.stopped:
        check_some(app)  # but not of what was stopped before its first push
    check_type(app, process_type)
    settings = replace(app.settings, stopped=False, stopped_types=())
    if process_type is not None:
        settings = _without_stopped(app, {process_type})
    after = app.with_settings(settings)
    steps = (
        app.server.engine.web.start(after) if process_type in {None, WEB} and app.has_web else ()
    )
    return (change_steps.settings_step(after), *steps, *_formation(after, app.scale))


def _plan_restart(app: AppState, process: str | None) -> Plan:
    check_some(app)
    process_type = process.partition(".")[0] if process else None
    check_type(app, process_type)
    web = process_type in {None, WEB} and app.has_web
    if web and app.settings.stopped:
        return _plan_start(app, process_type)
    return (
        *(app.server.engine.web.restart(app) if web else ()),
        *_restart_background(app, process),
    )


def _plan_scale(app: AppState, wishes: Sequence[Wish]) -> Plan:
    wanted: dict[str, int] = {}
    for wish in wishes:
        wanted[wish.type] = _wanted(app, wish, wanted)
        _check_count(wish.type, wanted[wish.type])
        if app.release is not None and wish.type not in app.scale:
            check_type(app, wish.type)
    scale = {**app.scale, **{kind: count for kind, count in wanted.items() if kind != WEB or count}}
    settings = _without_stopped(app, {kind for kind, count in wanted.items() if count})
    settings = settings if wanted.get(WEB) != 0 else replace(settings, stopped=True)
    after = app.with_settings(settings)
    plan: list[AnyStep] = [records.scale_file(app.paths, scale, app.gid)]
    if settings != app.settings:
        plan.append(change_steps.settings_step(after))
    if WEB in wanted:
        plan += app.server.engine.web.scale(app, after)
    return (*plan, *_formation(after, scale))


def _wanted(app: AppState, wish: Wish, chosen: Mapping[str, int]) -> int:
    """The number that a wish comes to, after those before it."""
    if wish.sign == "=":
        return wish.number
    before = chosen.get(wish.type, app.scale.get(wish.type, 0))
    if wish.type == WEB and WEB not in chosen:
        before = web_wanted(app)
    return before + wish.number if wish.sign == "+" else before - wish.number


def _restart_background(app: AppState, process: str | None) -> Plan:
    if process and process.startswith(f"{WEB}."):
        raise UsageError(
            "The workers of web are not restarted one by one.",
            detail="They are replaced together, while the old ones go on serving.",
            advice="Type `ship ps:restart web`.",
            reason="usage/web-as-a-whole",
        )
    known = [each.name for each in instances(app.formation)]
    chosen = tuple(name for name in known if process in {None, name, name.rpartition(".")[0]})
    if process and process != WEB and not chosen:
        raise NotFoundError(
            f"No process {process} of {app.name} runs.",
            detail=f"There are: {', '.join(known)}." if known else "",
            advice="`ship ps` lists what runs; `ship ps:scale` says how many there should be.",
            reason="not-found/process",
        )
    return (RestartProcesses(app.name, chosen),) if chosen else ()


def _formation(after: AppState, scale: Mapping[str, int]) -> Plan:
    """The step that makes the processes besides web what they should be; none where they are."""
    wanted = plan_formation(after.release, scale, after.settings)
    return () if wanted == after.formation else (SetFormation(after.name, wanted),)


def _with_stopped(app: AppState, process_type: str | None) -> App:
    if process_type is None:
        return replace(app.settings, stopped=True, stopped_types=(ALL_TYPES,))
    if process_type == WEB:
        return replace(app.settings, stopped=True)
    stopped = {*app.settings.stopped_types, process_type}
    return replace(app.settings, stopped_types=tuple(sorted(stopped)))


def _without_stopped(app: AppState, started: set[str]) -> App:
    """The settings after these types are started; `*` becomes the names of the others."""
    stopped = set(app.settings.stopped_types)
    if ALL_TYPES in stopped and started - {WEB}:
        stopped = (stopped | set(background_types(app.release))) - {ALL_TYPES}
    web = app.settings.stopped and WEB not in started
    return replace(app.settings, stopped=web, stopped_types=tuple(sorted(stopped - started)))


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

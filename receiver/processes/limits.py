"""The story of an app's limits: what its processes may use of the machine, from now on and over
deploys.
"""

import msgspec
from msgspec.structs import replace

from receiver.changes import steps as change_steps
from receiver.changes.app_state import AppState
from receiver.changes.change import changing
from receiver.model.errors import NotFoundError
from receiver.model.layout import AppPaths
from receiver.model.names import AppName
from receiver.model.plan import ApplyLimits, ChangeUnits, Plan
from receiver.model.process_limits import WEB, WHOLE_APP, Limit
from receiver.model.settings import App
from receiver.server import Server
from receiver.state import records


def change(
    server: Server,
    app: AppName,
    values: dict[str, dict[str, str | int]],
    removed: list[tuple[str, tuple[str, ...]]],
) -> dict[str, Limit]:
    """Set and take away limits; what runs has them at once, without a restart.

    Returns all that hold.

    Raises:
        UsageError: this machine has nothing that could keep processes to a limit
        NotFoundError: the app has no such process type
    """
    server.host.limits.require()
    _check_types(server.app(app), [*values, *(name for name, _ in removed)])
    with changing(server, app, "limits") as under_way:
        before = under_way.state
        after = before.with_settings(_changed(before.settings, values, removed))
        under_way.apply(_plan(before, after))
    return after.settings.limits


def _changed(
    settings: App,
    values: dict[str, dict[str, str | int]],
    removed: list[tuple[str, tuple[str, ...]]],
) -> App:
    limits = dict(settings.limits)
    for name, fields in values.items():
        limits[name] = msgspec.convert(
            {**msgspec.to_builtins(limits.get(name, Limit())), **fields}, Limit
        )
    for name, gone in removed:
        limits[name] = replace(limits.get(name, Limit()), **dict.fromkeys(gone))
    return replace(settings, limits={name: it for name, it in limits.items() if not it.is_empty})


def _plan(before: AppState, after: AppState) -> Plan:
    """First what runs, then the files for what starts later: undone, the files are right again
    first.
    """
    name, files = after.name, after.server.host.limits.files
    old = {file.path: None for file in files(name, before.settings.limits)}
    new = {file.path: file.text for file in files(name, after.settings.limits)}
    return (
        ApplyLimits(name, _all(before.settings, after.settings)),
        ChangeUnits(name, {**old, **new}),
        change_steps.settings_step(after),
    )


def _all(before: App, after: App) -> dict[str, Limit]:
    """Limits by type; an empty one where there was one before."""
    return {name: after.limits.get(name, Limit()) for name in {*before.limits, *after.limits}}


def _check_types(paths: AppPaths, names: list[str]) -> None:
    live = records.read_live(paths)
    if live is None:
        return
    known = [*records.read_release(paths, live.release).processes, WEB, WHOLE_APP]
    for name in names:
        if name not in known:
            raise NotFoundError(
                f"{paths.name} has no process type {name}.",
                detail=f"Its Procfile has: {', '.join(dict.fromkeys(known))}.",
                advice="Check its spelling, or push a Procfile that has it.",
                reason="not-found/process",
            )

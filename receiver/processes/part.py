"""An app's processes as parts of it: what describes them to the machine, and that they run."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from receiver.changes.app_state import AppState
from receiver.changes.change import changing
from receiver.changes.part import Copying, Do, Part
from receiver.engine.slots import await_slot
from receiver.machine import files
from receiver.model.errors import ShipError
from receiver.model.layout import SLOTS
from receiver.model.plan import (
    AskThroughNginx,
    ChangeUnits,
    EnableSlot,
    HoldSocket,
    Plan,
    ReleaseSocket,
    SetFormation,
    StartSlot,
    StopSlot,
    WriteFile,
)
from receiver.planner.formation import plan_formation
from receiver.state import records


class Units(Part):
    """The held socket, and what describes the app's processes to the process manager."""

    settings = ("graceful_limit_s", "limits", "io_uring", "core_files", "link_local")
    settings_of_one_app = ("port", "port_a", "port_b", "open_to")

    def start(self, app: AppState, do: Do, *, booting: bool) -> None:
        units = {file.path: file.text for file in _slots(app)}
        do((ChangeUnits(app.name, dict(units)), HoldSocket(app.name)))

    def withdraw(self, app: AppState, do: Do) -> None:
        gone = ChangeUnits(app.name, {file.path: None for file in _slots(app)})
        do((ReleaseSocket(app.name), gone))

    def renew(self, apps: Sequence[AppState], *, dry_run: bool) -> Iterator[str]:
        """Nothing is restarted: what starts next is started by what is written."""
        changed = False
        for app in apps:
            for unit in filter(_differs, (*_slots(app), *_others(app))):
                yield f"write {unit.path}"
                changed = True
                if not dry_run:
                    _write(unit)
        if changed and not dry_run:
            apps[0].server.host.refresh()


class Processes(Part):
    """That the app's processes run, web and the others, as many as were asked for."""

    settings = ("stopped", "stopped_types")

    def start(self, app: AppState, do: Do, *, booting: bool) -> None:
        do(_plan_web(app, booting=booting))
        if formation := plan_formation(app.release, app.scale, app.settings):
            do((SetFormation(app.name, formation),))

    def stop(self, app: AppState, do: Do) -> None:
        do((EnableSlot(app.name, None), *(StopSlot(app.name, slot) for slot in SLOTS)))
        do((SetFormation(app.name, {}),))

    def renew(self, apps: Sequence[AppState], *, dry_run: bool) -> Iterator[str]:
        """Web processes that were started by an older file hand over to fresh ones of the same
        release, one app after the other; the site answers all the while.
        """
        for app in apps:
            if app.serves is None or not app.server.host.is_outdated(app.name, app.slot):
                continue
            yield f"hand over the web process of {app.name} to a fresh one"
            if not dry_run:
                yield from _renewed_web(app)

    def copy(self, copying: Copying) -> None:
        if scale := copying.original.scale:
            wanted = records.scale_file(copying.paths, scale, copying.gid)
            files.write_atomically(Path(wanted.path), wanted.text, mode=wanted.mode, gid=wanted.gid)


def _renewed_web(app: AppState) -> Iterator[str]:
    title = "renewal of the web process"
    try:
        with changing(app.server, app.name, title, frozen_too=True) as change:
            now = change.state  # a push may have come first
            if now.serves is not None and app.server.host.is_outdated(now.name, now.slot):
                change.apply(app.server.engine.web.restart(now))
    except ShipError as error:
        yield f"{app.name} goes on as it was started: {error.title}"


def _plan_web(app: AppState, *, booting: bool) -> Plan:
    if app.serves is None:
        return ()
    live, release = app.serves
    enable = EnableSlot(app.name, live.slot)
    if booting:
        return (enable,)
    return (
        StartSlot(app.name, live.slot),
        await_slot(release, app.settings, live.slot),
        enable,
        AskThroughNginx(app.name, release.checked_by(app.settings)),
    )


def _slots(app: AppState) -> tuple[WriteFile, ...]:
    return app.server.host.unit_files(app.name, app.settings)


def _others(app: AppState) -> tuple[WriteFile, ...]:
    """Files of what is not in a slot: processes besides web, and what starts cron jobs."""
    host = app.server.host
    background = host.background.files(app.name, app.formation, app.settings)
    return (*background, *host.timer_files(app.name, app.timers))


def _differs(file: WriteFile) -> bool:
    return files.read_text(Path(file.path)) != file.text


def _write(file: WriteFile) -> None:
    # the folder of a unit's drop-in file, on a machine that apps were restored on
    Path(file.path).parent.mkdir(exist_ok=True)
    files.write_atomically(Path(file.path), file.text, mode=file.mode)

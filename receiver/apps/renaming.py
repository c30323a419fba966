"""The story of a rename: an app's processes stop, all that bears its name takes the new one, and
they start again.

Nothing but the name changes: the account keeps its number, so no file of the app changes hands. A
note on disk says what is under way; as long as it is there, everything goes back to the old name.
"""

from pathlib import Path

import msgspec
from msgspec.structs import replace

from receiver.access import grants as access
from receiver.changes import steps as change_steps
from receiver.changes.app_state import read_state
from receiver.changes.change import changing, or_undone, repeat
from receiver.drains import records as drain_records
from receiver.machine import files
from receiver.model.errors import ShipError
from receiver.model.layout import SLOTS, AppPaths, Layout
from receiver.model.names import AppName
from receiver.model.plan import (
    AnyStep,
    AskThroughNginx,
    ChangeSite,
    ChangeUnits,
    EnableSlot,
    HoldSocket,
    Plan,
    ReleaseSocket,
    SetFormation,
    SetTimers,
    StartSlot,
    StopSlot,
)
from receiver.model.release import Build
from receiver.planner.formation import plan_formation
from receiver.processes import web_steps
from receiver.runs import records as run_records
from receiver.runs import running as runs
from receiver.server import Server
from receiver.state import records


class _Note(msgspec.Struct, frozen=True):
    old: str
    new: str


def rename(server: Server, old: AppName, new: AppName) -> str:
    """Give an app another name; returns its new URL.

    Raises:
        ShipError: the name is taken, or the app does not come up under it; it has its old name then
    """
    with changing(server, old, f"rename to {new}"), access.changing(server.layout):
        _refuse_taken(server.layout, new)
        note = _Note(old, new)
        records.write_json(server.layout.rename_note, note)
        with or_undone(lambda: _take_back(server, note)):
            _become(server, old, new)
        files.remove(server.layout.rename_note)
    return server.url(new)


def recover(server: Server, *, booting: bool) -> None:
    """Give an app its old name back after a rename that was killed.

    While the machine boots, nothing runs that could be told: files are put right, and the boot does
    the rest.
    """
    with access.changing(server.layout):  # a rename that still lives ends first
        note = records.read_json(server.layout.rename_note, _Note)
        if note is not None:
            _take_back(server, note, booting=booting)


def _take_back(server: Server, note: _Note, *, booting: bool = False) -> None:
    _become(server, AppName(note.new), AppName(note.old), booting=booting)
    files.remove(server.layout.rename_note)


def _become(server: Server, was: AppName, name: AppName, *, booting: bool = False) -> None:
    """Have what is called `was` be called `name`; what has been done of it already is done no
    more.
    """
    if server.layout.app(was).settings.exists():
        _do(server, _plan_down(server, was), booting=booting)
        drain_records.end_all(server, was)
        runs.stop(server, was, run_records.going_on(server.layout.app(was)))
        server.host.jobs.stop(was)
    server.host.accounts.rename(was, name)
    _move(server.layout, was, name)
    server.host.request_logs.rename(was, name)
    _rewrite_records(server, server.layout.app(name))
    _do(server, _plan_up(server, name, booting=booting), booting=booting)
    drain_records.start_all(server, name)


def _plan_down(server: Server, name: AppName) -> Plan:
    units = server.host.unit_files(name, records.read_app(server.layout.app(name)))
    site, link = server.layout.site(name), server.layout.site_link(name)
    return (
        ChangeSite(name, str(site), str(link), None),
        EnableSlot(name, None),
        *(StopSlot(name, slot) for slot in SLOTS),
        SetFormation(name, {}),
        *((SetTimers(name, {}),) if records.read_timers(server.layout.app(name)) else ()),
        ReleaseSocket(name),
        ChangeUnits(name, {file.path: None for file in units}),
    )


def _move(layout: Layout, was: AppName, name: AppName) -> None:
    files.remove_tree(layout.app(was).run)  # sockets and ready files, made again by what starts
    for old, new in (
        (layout.repo(was), layout.repo(name)),
        (layout.app(was).home, layout.app(name).home),
    ):
        if old.exists():
            old.rename(new)
            files.sync_folder(new.parent)


def _rewrite_records(server: Server, paths: AppPaths) -> None:
    for version in records.release_versions(paths):
        release = records.read_release(paths, version)
        venv = paths.venvs / Path(release.venv).name if release.venv else None
        renamed = replace(
            release,
            app=paths.name,
            venv=str(venv) if venv else None,
            address=server.address(paths.name),
        )
        records.write_json(paths.release(version).record, renamed)
    server.host.outside_mounts.write(paths.name, records.read_app(paths).mounts)
    for number in records.build_numbers(paths):
        build = records.read_json(paths.builds / f"{number}.json", Build)
        if build is not None:
            records.write_build(paths, replace(build, app=paths.name))


def _plan_up(server: Server, name: AppName, *, booting: bool) -> Plan:
    app = read_state(server, server.layout.app(name))
    settings, live, release = app.settings, app.live, app.release
    units = server.host.unit_files(name, settings)
    timers = change_steps.timer_steps(app, release.cron) if release else ()
    steps: list[AnyStep] = [
        ChangeUnits(name, {file.path: file.text for file in units}),
        HoldSocket(name),
        *change_steps.site_steps(app),
        *timers,
    ]
    if live and release and release.served == "process" and not settings.stopped:
        enable = EnableSlot(name, live.slot)
        steps += (
            [enable]
            if booting
            else [
                StartSlot(name, live.slot),
                web_steps.await_slot(release, settings, live.slot),
                enable,
                AskThroughNginx(name, release.checked_by(settings)),
            ]
        )
    formation = plan_formation(release, app.scale, settings)
    if formation:
        steps.append(SetFormation(name, formation))
    return tuple(steps)


def _do(server: Server, plan: Plan, *, booting: bool) -> None:
    """Do steps that need no opposites: going back is the same story with the names exchanged."""
    for step in plan:
        try:
            repeat(server, (step,))
        except ShipError:
            if not booting:  # nginx, for one, is not there yet to read the file that now is right
                raise


def _refuse_taken(layout: Layout, name: AppName) -> None:
    if layout.app(name).home.exists() or layout.repo(name).exists():
        raise ShipError(
            f"There is an app {name} already.",
            advice="Choose another name.",
            reason="exists/app",
        )

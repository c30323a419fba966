"""What is done once a release is live for good: what fails here is reported, and undoes nothing.

Releases, trees and virtualenvs that nobody needs go; what an app wrote into them is saved before.
"""

import shutil
from collections.abc import Sequence
from pathlib import Path

from receiver.building import marks
from receiver.changes.app_state import AppState
from receiver.changes.points import reached
from receiver.machine import files, proc
from receiver.model.errors import ShipError
from receiver.model.mounts import shown_size
from receiver.model.output import Output
from receiver.model.process_limits import size_bytes
from receiver.planner.retention import plan_retention
from receiver.runs import records as run_records
from receiver.state import records
from receiver.storage import account_files, left_behind

_MIB = 1024 * 1024


def look_at_background(app: AppState, out: Output) -> None:
    """Warn of background processes that have ended already; they are started again and again."""
    try:
        for line in app.server.engine.early_ends(app.name):
            out.warn(line)
    except ShipError as error:
        out.warn(f"It is not known how the processes besides web do. {error.title}")


def clear_up(app: AppState, out: Output) -> None:
    """Remove what no kept release, and nobody's run, needs any more; report a storage that is over
    its quota.
    """
    live = records.read_live(app.paths)  # of now: the app's state is that of before
    if live is not None:
        with run_records.locked(app.paths):
            _prune(app, live.release, out)
    if app.settings.storage_quota:
        _tell_quota(app, app.settings.storage_quota, out)


def _tell_quota(app: AppState, quota: str, out: Output) -> None:
    try:
        used = account_files.used(app.server.host, app.paths)
    except ShipError as error:
        out.warn(f"It is not known how much the storage holds. {error.title}")
        return
    if used > size_bytes(quota):
        out.warn(
            f"The app's storage holds {shown_size(used)}, more than its quota of"
            f" {shown_size(size_bytes(quota))}."
            f" `ship storage --app {app.name}` shows what."
        )


def _prune(app: AppState, live: int, out: Output) -> None:
    paths, keep = app.paths, app.server.settings
    versions = records.release_versions(paths)
    venv_of = {found.version: found.venv for found in records.readable_releases(paths)}
    short_of_space = shutil.disk_usage(paths.home).free < keep.keep_free_mb * _MIB
    retention = plan_retention(
        versions,
        {live, *(run.release for run in run_records.going_on(paths))},
        venv_of,
        [str(path) for path in paths.venvs.iterdir() if path.is_dir()],
        keep=keep.keep_releases,
        short_of_space=short_of_space,
    )
    doomed = (*retention.releases, *retention.sources)
    free_of = _saved(app, live, doomed, out, short_of_space=short_of_space)
    for version in doomed:
        if version in free_of:
            files.remove_tree(paths.release(version).source)
    for version in retention.releases:
        if version in free_of:
            files.remove_tree(paths.release(version).home)
    for venv in retention.venvs:
        marks.remove(Path(venv))
        files.remove_tree(Path(venv))


def _saved(
    app: AppState, live: int, doomed: Sequence[int], out: Output, *, short_of_space: bool
) -> set[int]:
    """Put aside what releases wrote into trees that are about to go, and tell it; else, what the
    live one would lose.

    Returns:
        the releases whose trees may go: nobody stands in them, and all of it is put aside
    """
    free_of, told = set[int](), False
    for version in sorted(doomed):
        source = app.paths.release(version).source
        # the last requests of a release write when they end; an older one is not waited for
        if version == max(doomed) and source.is_dir() and proc.stand_in(source.resolve()):
            continue
        try:
            if found := left_behind.rescue(app, version, live, short_of_space=short_of_space):
                out.warn(left_behind.told_of_rescue(found, version, live))
                told = True
                reached("put aside")
            free_of.add(version)
        except ShipError as error:
            out.warn(
                f"What v{version} wrote could not be put aside; its folder is kept."
                f" {error.title} {error.detail}"
            )
            told = True
    if not told:
        _tell_own(app, live, out)
    return free_of


def _tell_own(app: AppState, live: int, out: Output) -> None:
    """Say what the next release would leave behind."""
    try:
        if found := left_behind.look(app, live):
            out.warn(left_behind.told(found, live))
    except ShipError as error:
        out.warn(f"It is not known what v{live} wrote into its own folder. {error.title}")

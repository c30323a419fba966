"""Undoes a change that did not come to its end: after an error, after a kill, after a power cut."""

import os
from pathlib import Path

import msgspec

from receiver.changes.checkpoint import About, Checkpoint
from receiver.changes.executor import Executor
from receiver.machine import files, git
from receiver.machine.lock import app_lock
from receiver.model.layout import AppPaths
from receiver.model.names import AppName
from receiver.model.output import Output
from receiver.server import Server
from receiver.state import builds, records


def recover(server: Server, app: AppName, *, waiting: bool = True) -> bool:
    """Undo an unfinished change of one app, and clear what it left.

    The caller holds the app's lock.

    Args:
        server: the server
        app: the app
        waiting: False while the machine boots: slots are started after this

    Returns:
        whether there was one
    """
    paths = server.layout.app(app)
    checkpoint = Checkpoint(paths.journal)
    about = checkpoint.about()
    if about is None:
        _sweep(paths)
        return False
    server.host.jobs.stop(app)
    undo(server, app, checkpoint, Output(_nobody_reads), waiting=waiting)
    _mark_interrupted(server, paths, about)
    return True


def recover_all(server: Server, *, waiting: bool = True) -> list[AppName]:
    """Undo the unfinished changes of all apps, except where a living process is still at it."""
    found: list[AppName] = []
    for app in records.app_names(server.layout):
        paths = server.layout.app(app)
        if Checkpoint(paths.journal).about() is None:
            continue
        with app_lock(paths.lock, "recovery", wait_s=float(server.settings.lock_wait_s)):
            if recover(server, app, waiting=waiting):
                found.append(app)
    return found


def undo(
    server: Server, app: AppName, checkpoint: Checkpoint, out: Output, *, waiting: bool = True
) -> None:
    """Put everything back: what the journal says, and the branch that the push moved; and clear
    up.
    """
    about = checkpoint.about()
    for failure in Executor(server, checkpoint).roll_back(waiting=waiting):
        out.warn(f"Not undone: {failure.title} {failure.detail}")
    if about is not None and about.ref and about.commit:
        git.restore_ref(server.layout.repo(app), about.ref, about.commit, about.before)
    _sweep(server.layout.app(app))


def _mark_interrupted(server: Server, paths: AppPaths, about: About) -> None:
    build = records.read_build(paths, about.build) if about.build is not None else None
    if build is None or build.status != "running":
        return
    ended = msgspec.structs.replace(builds.interrupted(build), finished_at=server.clock.stamp())
    records.write_build(paths, ended)


def _sweep(paths: AppPaths) -> None:
    """Remove what a failure or a kill left behind: torn virtualenvs, temporary files, archives
    nobody waits for.
    """
    for folder in (paths.home, paths.releases, paths.venvs, paths.slots, paths.builds):
        for leftover in folder.glob(".*"):
            if leftover.name != ".lock":  # another push may hold it just now
                files.remove_tree(leftover)
    for venv in paths.venvs.iterdir():
        if venv.is_dir() and not venv.with_suffix(".ready").exists():
            files.remove_tree(venv)
    for archive in paths.incoming.glob("*"):
        if not _alive(archive):
            archive.unlink(missing_ok=True)


def _alive(archive: Path) -> bool:
    """Whether the process that receives or builds this archive still lives; its id is in the
    name.
    """
    pid = archive.name.partition(".")[0]
    try:
        os.kill(int(pid), 0)
    except (ValueError, ProcessLookupError):
        return False
    except PermissionError:
        return True
    return True


def _nobody_reads(_: bytes) -> None:
    """Recovery runs before a command's own output begins."""

"""Undoes a change that did not come to its end: after an error, after a kill, after a power cut."""

import os
from pathlib import Path

import msgspec

from receiver.changes import freezes
from receiver.changes.checkpoint import About, Checkpoint
from receiver.changes.executor import Executor
from receiver.machine import files, git
from receiver.model.errors import ShipError
from receiver.model.layout import AppPaths
from receiver.model.names import AppName
from receiver.model.output import Output
from receiver.model.plan import AskThroughNginx, AwaitAnswer, AwaitRelease
from receiver.server import Server
from receiver.state import builds, records

_WAITS = (AwaitRelease, AwaitAnswer, AskThroughNginx)


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
    journal = Checkpoint(paths.journal)
    about = journal.about()
    if about is None:
        _sweep(paths)
        return False
    server.engine.jobs.stop(app)
    undo(server, paths, journal, unheard(), waiting=waiting)
    _mark_interrupted(server, paths, about)
    return True


def recover_apps(server: Server, *, waiting: bool = True) -> list[AppName]:
    """Undo the unfinished changes of all apps, except where a living process is still at it."""
    found: list[AppName] = []
    for app in records.app_names(server.layout):
        paths = server.layout.app(app)
        if unfinished(paths) is None:
            continue
        with freezes.turn(server, paths, "recovery", unheard(), frozen_too=True):
            if recover(server, app, waiting=waiting):
                found.append(app)
    return found


def recover_machine(server: Server) -> None:
    """Undo an unfinished change of files that are of no app. The caller holds the server's lock."""
    journal = Checkpoint(server.layout.journal)
    if journal.about() is not None:
        roll_back(server, journal, unheard())
    journal.finalize()


def unfinished(paths: AppPaths) -> About | None:
    """The change of an app that is not finished; its lock tells whether somebody is at it."""
    return Checkpoint(paths.journal).about()


def undo(
    server: Server, paths: AppPaths, journal: Checkpoint, out: Output, *, waiting: bool = True
) -> None:
    """Put back what the journal says, and the branch that the push moved; and clear up."""
    about = journal.about()
    roll_back(server, journal, out, waiting=waiting)
    if about is not None and about.ref and about.commit:
        git.restore_ref(server.layout.repo(paths.name), about.ref, about.commit, about.before)
    _sweep(paths)


def roll_back(server: Server, journal: Checkpoint, out: Output, *, waiting: bool = True) -> None:
    """Undo what a journal holds, newest first, going on past what fails; then close it.

    Args:
        server: the server
        journal: the journal
        out: told of what could not be undone
        waiting: False while the machine boots, when slots start only after this is done
    """
    executor = Executor(server, warn=out.warn)
    failures: list[ShipError] = []
    for step in journal.undo_plan():
        if not waiting and isinstance(step, _WAITS):
            continue
        try:
            executor.do(step)
        except ShipError as error:
            failures.append(error)
        except OSError as error:
            failures.append(ShipError(f"A step could not be undone: {error}."))
    journal.finalize()
    for failure in failures:
        out.warn(f"Not undone: {failure.title} {failure.detail}")


def unheard() -> Output:
    """Where nobody reads what is told: recovery runs before a command's own output begins."""
    return Output(len)


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

"""Undoes a change that did not come to its end: after an error, after a kill, after a power cut."""

from collections.abc import Callable
from contextlib import suppress
from functools import partial

import msgspec

from receiver.access import audit
from receiver.changes import freezes, repositories
from receiver.changes.checkpoint import About, Checkpoint
from receiver.changes.executor import Executor
from receiver.machine import files, git
from receiver.machine.lock import LockedError
from receiver.model.errors import ShipError
from receiver.model.layout import AppPaths
from receiver.model.names import AppName
from receiver.model.output import Output
from receiver.model.plan import AskThroughNginx, AwaitAnswer, AwaitRelease
from receiver.model.release import Build
from receiver.server import Server
from receiver.state import builds, records

_WAITS = (AwaitRelease, AwaitAnswer, AskThroughNginx)
_TURN_WAIT_S = 1.0


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
        _or_told(
            lambda: repositories.clear_up(server, app), unheard(), "Its repository is as it was"
        )
        return False
    _or_told(lambda: server.engine.jobs.stop(app), unheard(), "What it ran may still run")
    # before the journal goes, by which alone a build that makes no release is known for undone
    _or_told(lambda: _mark_interrupted(server, paths, about), unheard(), "Its build says nothing")
    undo(server, paths, journal, unheard(), waiting=waiting)
    _or_told(lambda: repositories.clear_up(server, app), unheard(), "Its repository is as it was")
    return True


Failed = Callable[[AppName | None, Exception], object]
"""Told why an unfinished change could not be undone: that of an app, or one of none."""


def _unheard(_app: AppName | None, _error: Exception) -> None:
    """Where nobody reads why something could not be undone."""


def recover_apps(
    server: Server, *, waiting: bool = True, failed: Failed = _unheard
) -> list[AppName]:
    """Undo the unfinished changes of all apps, except where a living process is still at it.

    Whatever is wrong with one app, the next one's is undone.
    """
    found: list[AppName] = []
    for app in records.app_names(server.layout):
        try:
            if recover_one(server, app, waiting=waiting):
                found.append(app)
        except Exception as error:  # noqa: BLE001 - see above
            failed(app, error)
    return found


def recover_one(server: Server, app: AppName, *, waiting: bool = True) -> bool:
    """Undo an unfinished change of one app, whose lock is waited for; whether there was one.

    Raises:
        LockedError: a living process is still at it
    """
    paths = server.layout.app(app)
    if unfinished(paths) is None:
        repositories.clear_up(server, app, wait=waiting)
        return False
    with freezes.turn(server, paths, "recovery", unheard(), frozen_too=True):
        return recover(server, app, waiting=waiting)


def recover_killed(server: Server, app: AppName, build: int) -> None:
    """Undo what a build that was killed had begun, unless another command does that first."""
    paths = server.layout.app(app)
    while records.unfinished_build(paths) == build:
        turn = freezes.turn(
            server, paths, "recovery", unheard(), frozen_too=True, wait_s=_TURN_WAIT_S
        )
        with suppress(LockedError), turn:  # who has it begins with the same
            recover(server, app)


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

    def restore() -> None:
        if about is not None and about.ref and about.commit:
            git.restore_ref(server.layout.repo(paths.name), about.ref, about.commit, about.before)

    # before the journal goes: a kill in between would leave the branch where the push put it
    _or_told(restore, out, "The branch was not put back")
    roll_back(server, journal, out, waiting=waiting)
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
    for step in journal.undo_plan(out.warn):
        if waiting or not isinstance(step, _WAITS):
            _or_told(partial(executor.do, step), out, "Not undone")
    journal.finalize()


def note_end(server: Server, build: Build) -> None:
    """Have the audit tell how a build ended whose process was killed before it could."""
    if not build.audit:
        return
    release = f"v{build.release}" if build.release else ""
    result = ", ".join(filter(None, (build.description, release)))
    end = audit.End(build.exit_code, build.reason or "", result)
    with suppress(OSError):  # a full disk keeps nobody from undoing what was begun
        audit.end_for(server.layout, build.audit, server.clock.stamp(), end)


def _or_told(deed: Callable[[], object], out: Output, what: str) -> None:
    """Do it, or tell why not: whatever is wrong with one step, the next one is undone."""
    try:
        deed()
    except Exception as error:  # noqa: BLE001 - see above
        why = f"{error.title} {error.detail}" if isinstance(error, ShipError) else repr(error)
        with suppress(OSError):  # the disk of the log may be what is wrong
            out.warn(f"{what}: {why}".rstrip())


def unheard() -> Output:
    """Where nobody reads what is told: recovery runs before a command's own output begins."""
    return Output(len)


def _mark_interrupted(server: Server, paths: AppPaths, about: About) -> None:
    build = records.read_build(paths, about.build) if about.build is not None else None
    if build is None or build.status != "running":
        return
    ended = msgspec.structs.replace(builds.interrupted(build), finished_at=server.clock.stamp())
    note_end(server, ended)
    records.write_build(paths, ended)


def _sweep(paths: AppPaths) -> None:
    """Remove what a failure or a kill left behind: torn virtualenvs, temporary files, archives
    nobody waits for. What cannot be removed is no reason to refuse a command.
    """
    for folder in (paths.home, paths.releases, paths.venvs, paths.slots, paths.builds):
        files.clear_abandoned(folder, {".lock"})  # another push may hold that just now
    with suppress(OSError):
        for venv in paths.venvs.iterdir():
            if venv.is_dir() and not venv.with_suffix(".ready").exists():
                files.remove_tree(venv)
    for archive in paths.incoming.glob("*"):
        if not repositories.arrives(archive):
            archive.unlink(missing_ok=True)
    if paths.journal.is_dir():
        Checkpoint(paths.journal).clear()

"""What a change that was cut off left behind, and who is at work on an app just now."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from receiver.changes import recovery, repositories
from receiver.doctor.seen import AppSeen
from receiver.machine import files, git_leftovers, proc
from receiver.model.finding import Finding, Recover
from receiver.model.layout import AppPaths


def at_work(paths: AppPaths) -> str | None:
    """What holds the app's lock, such as `deploy of 1a2b3c4 by laptop (process 12)`; the lock is
    not touched.
    """
    told = files.read_text(paths.lock)
    if not told:
        return None
    with suppress(OSError):  # the app may go meanwhile
        # by the inode alone: not every file system has the device there that `stat` tells; and who
        # ended says no more
        return told if paths.lock.stat().st_ino in proc.locked_inodes() else None
    return None


def look(app: AppSeen) -> Iterator[Finding]:
    """An unfinished change of an app whose process is gone; and old temporary files."""
    about = recovery.unfinished(app.paths)
    if about is not None:
        yield Finding(
            name="change.unfinished",
            app=app.name,
            severity="broken",
            title=f"A change of {app.name} did not come to its end: {about.title}.",
            seen=(f"Its journal is in {app.paths.journal}, and nobody holds the app's lock.",),
            means="What served before it should serve; half of the change may be done.",
            does="undo it",
            repair=(Recover(app.name),),
        )
        return
    left = list(_left(app.paths))
    if left:
        yield Finding(
            name="change.left-over",
            app=app.name,
            severity="note",
            title=f"A command that was killed left files of {app.name} behind.",
            seen=tuple(map(str, left[:4])),
            means="They take space; the next command on the app removes them.",
            does="remove them",
            repair=(Recover(app.name),),
        )


def of_pushes(app: AppSeen, repo: Path) -> Iterator[Finding]:
    """What a push that was killed left in the app's repository."""
    locks = git_leftovers.stale_locks(repo)
    if locks:
        yield Finding(
            name="git.lock-left",
            app=app.name,
            severity="broken",
            title=f"A git that was killed left the repository of {app.name} locked.",
            seen=tuple(map(str, locks[:4])),
            means="No git of this repository runs. The next push removes what it left.",
            does="remove the lock files",
            repair=(Recover(app.name),),
        )
    left = repositories.half_pushed(app.paths, repo)
    if left:
        yield Finding(
            name="git.half-pushed",
            app=app.name,
            severity="broken",
            title=f"A push to {app.name} was killed between its branch and its deploy.",
            seen=tuple(f"The branch went to {move.new[:7]}, which is not live." for move in left),
            means="Whoever pushes that commit again hears that everything is up to date.",
            does="put the branch back",
            repair=(Recover(app.name),),
        )


def _left(paths: AppPaths) -> Iterator[Path]:
    for folder in (paths.home, paths.releases, paths.venvs, paths.slots):
        if folder.is_dir():
            yield from files.abandoned(folder, {".lock"})
    if paths.venvs.is_dir():
        yield from (
            venv
            for venv in paths.venvs.iterdir()
            if venv.is_dir()
            and not venv.name.startswith(".")
            and not venv.with_suffix(".ready").exists()
        )

"""What a process that was killed leaves in a repository: a note of the branch that a push was about
to move, and lock files of git's own, which block every later push.

A note is the file that hooks/post-receive reads from: it is locked for as long as the one who took
the push, or that hook, lives. Its name says all, so that a power cut cannot leave half of it.
"""

import fcntl
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from receiver.machine import files, proc
from receiver.model.patterns import regex

_NOTE = regex(r"ship-moving\.([0-9a-f]{16})\.([0-9a-f]{40})\.([0-9a-f]{40})")
_PUSH = regex(r"[0-9a-f]{16}")
_LOCK = ".lock"
_LOOKED_AT = {"": {"refs", "objects", "info"}, "objects": {"info", "pack"}}
"""Folders in which git makes lock files, where not all are of interest."""
STALE_S = 2.0
"""Git holds no lock for as long between two steps of its own; a killed one's is older soon."""


class Move(NamedTuple):
    """A branch that a push moves."""

    push: str
    """What tells the push from every other."""
    old: str
    new: str

    @property
    def file(self) -> str:
        """Name of the note of it."""
        return f"ship-moving.{self.push}.{self.old}.{self.new}"


class Note(NamedTuple):
    """A note that was found."""

    move: Move
    age_s: float


def note(repo: Path, move: Move, text: str) -> int | None:
    """Leave a note in a repository, which holds what the hook is to read; a descriptor that holds
    it, at its start. None for a push that nobody could ask about.
    """
    if not _PUSH.fullmatch(move.push):
        return None
    fd = os.open(repo / move.file, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    fcntl.flock(fd, fcntl.LOCK_EX)
    os.write(fd, text.encode("utf-8", "surrogateescape"))
    os.lseek(fd, 0, os.SEEK_SET)
    return fd


def any_left(repo: Path) -> bool:
    """Whether somebody who was killed may have left something here: a look at a few folders."""
    return bool(abandoned_notes(repo)) or any(_locks(repo))


def abandoned_notes(repo: Path) -> list[Note]:
    """Notes that nobody holds any more."""
    return [found for found in notes(repo) if not files.is_held(repo / found.move.file)]


def notes(repo: Path) -> list[Note]:
    """All notes in a repository."""
    found: list[Note] = []
    with suppress(OSError), os.scandir(repo) as entries:
        for entry in entries:
            named = _NOTE.fullmatch(entry.name)
            if named and entry.is_file(follow_symlinks=False):
                age_s = time.time() - entry.stat(follow_symlinks=False).st_mtime
                found.append(Note(Move(named[1], named[2], named[3]), age_s))
    return found


def stale_locks(repo: Path) -> list[Path]:
    """Lock files of a git that was killed: they are old, and no git of this repository lives."""
    found = [repo / each.place for each in _locks(repo) if each.age_s >= STALE_S]
    return found if found and not _git_lives(repo) else []


def remove_stale_locks(repo: Path, *, wait: bool = False) -> None:
    """Remove them. The caller is `alone`.

    Args:
        repo: the repository
        wait: also for one that is not old yet to become so
    """
    young_s = [each.age_s for each in _locks(repo) if each.age_s < STALE_S]
    if wait and young_s and not _git_lives(repo):
        time.sleep(min(STALE_S - min(young_s), STALE_S))
    old = {each.inode for each in _locks(repo) if each.age_s >= STALE_S}
    if not old or _git_lives(repo):
        return
    for each in _locks(repo):
        if each.inode in old:
            with suppress(FileNotFoundError):
                os.unlink(each.name, dir_fd=each.folder)


@contextmanager
def alone(repo: Path) -> Iterator[bool]:
    """Be the only one who clears up in a repository; whether one is."""
    try:
        fd = os.open(repo, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        yield False
        return
    try:
        yield files.try_lock(fd)
    finally:
        os.close(fd)


class _Lock(NamedTuple):
    folder: int
    """A descriptor, good until the next one is asked for: no link in mid-path is followed."""
    place: str
    name: str
    inode: int
    age_s: float


def _locks(repo: Path) -> Iterator[_Lock]:
    if not repo.is_dir():  # somebody removed it, which the doctor says elsewhere
        return
    for folder, below, names, fd in os.fwalk(repo, follow_symlinks=False):
        place = os.path.relpath(folder, repo).removeprefix(".")
        within = _LOOKED_AT.get(place)
        if within is not None or place.startswith("objects"):
            below[:] = [name for name in below if name in (within or {"commit-graphs"})]
        for name in names:
            if name.endswith(_LOCK):
                with suppress(FileNotFoundError):
                    found = os.stat(name, dir_fd=fd, follow_symlinks=False)
                    if stat.S_ISREG(found.st_mode):
                        age_s = abs(time.time() - found.st_mtime)
                        yield _Lock(fd, str(Path(place, name)), name, found.st_ino, age_s)


def _git_lives(repo: Path) -> bool:
    """Whether a git of this repository is at work, whoever started it."""
    return any(proc.name(pid).startswith("git") and _is_of(pid, repo) for pid in proc.pids())


def _is_of(pid: int, repo: Path) -> bool:
    state = proc.stat(pid)
    if state is None or state.state == "Z":
        return False
    ours = {os.fsencode(repo), os.fsencode(repo.resolve())}
    told = [*proc.command_line(pid).split(b"\0"), *proc.environment(pid)]
    named = any(word.rpartition(b"=")[2].rstrip(b"/") in ours for word in told)
    return named or proc.stands_in(pid, repo.resolve())

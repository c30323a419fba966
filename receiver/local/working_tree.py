"""The files of a checkout as a tree that can be built: what a push of everything would hold,
read from disk as it is now.

Files that git ignores are left out, because no push brings them. Outside of a repository everything
counts but what tools make: virtualenvs, packages of node, caches.
"""

import os
import stat
import tarfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath

from receiver.local.changes import Stamp
from receiver.machine import git
from receiver.model.build import Tree

MADE_BY_TOOLS = frozenset({"node_modules", "__pycache__", ".git", ".hg", ".ship", ".tox", ".venv"})
"""Folders that are never part of an app, whether or not git ignores them."""
_VENV_MARK = "pyvenv.cfg"


class WorkingTree(Tree):
    """A folder, in place of the archive of a commit."""

    def __init__(self, top: Path, paths: list[str]) -> None:
        self._top = top
        self.members = {}
        self.stamps: dict[str, Stamp] = {}
        """Of all regular files."""
        for path in paths:
            self._take(path)

    def stand_in(self, path: str, other: str) -> None:
        """Have the file `other` be found under `path`."""
        self.members[path] = self.members[other]

    def _take(self, path: str) -> None:
        try:
            found = (self._top / path).lstat()
            member = _member(self._top, path, found)
        except OSError:  # it went away meanwhile
            return
        if member is not None:
            for folder in reversed(PurePosixPath(path).parents[:-1]):
                self.members.setdefault(str(folder), _folder(str(folder)))
            self.members[path] = member
        if member is not None and member.isfile():
            self.stamps[path] = Stamp(found.st_ino, found.st_mode, found.st_size, found.st_mtime_ns)

    def chunks(self, path: str, chunk_bytes: int) -> Iterator[bytes]:
        member = self.members.get(path)
        if member is None or not member.isfile():
            return
        with suppress(OSError), (self._top / member.name).open("rb") as handle:
            while chunk := handle.read(chunk_bytes):
                yield chunk

    def _bytes(self, member: tarfile.TarInfo) -> bytes:
        try:
            return (self._top / member.name).read_bytes()
        except OSError:
            return b""  # it went away meanwhile; the next look will tell


def top_of(folder: Path) -> tuple[Path, bool]:
    """The top of the checkout that a folder is in, and whether it is one of git's."""
    found = git.top_folder(folder)
    return (found, True) if found else (folder, False)


def read(top: Path, *, in_git: bool) -> WorkingTree:
    """What is there now."""
    paths = git.working_files(top) if in_git else sorted(_walk(top))
    venvs = [path.removesuffix(_VENV_MARK) for path in paths if path.endswith(f"/{_VENV_MARK}")]
    return WorkingTree(top, [path for path in paths if not _is_made(path, venvs)])


def _is_made(path: str, venvs: list[str]) -> bool:
    folders = path.split("/")[:-1]
    return not MADE_BY_TOOLS.isdisjoint(folders) or any(path.startswith(venv) for venv in venvs)


def _walk(top: Path) -> Iterator[str]:
    for folder, folders, names in os.walk(top):
        folders[:] = [name for name in folders if name not in MADE_BY_TOOLS]
        if _VENV_MARK in names:
            folders.clear()
            continue
        inside = Path(folder).relative_to(top)
        yield from (str(inside / name) for name in names)


def _member(top: Path, path: str, found: os.stat_result) -> tarfile.TarInfo | None:
    """A file or link as an archive would have it; None for what is neither."""
    member = tarfile.TarInfo(path)
    member.size, member.mode = found.st_size, stat.S_IMODE(found.st_mode)
    if stat.S_ISLNK(found.st_mode):
        member.type, member.size = tarfile.SYMTYPE, 0
        member.linkname = str((top / path).readlink())
        return member
    return member if stat.S_ISREG(found.st_mode) else None


def _folder(path: str) -> tarfile.TarInfo:
    member = tarfile.TarInfo(path)
    member.type = tarfile.DIRTYPE
    return member

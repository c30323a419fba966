"""What a release's tree holds besides what was built: files that the app has written there.

Root goes through such a tree by descriptors, follows no link of the app's, and opens folders alone:
names, sizes and times are all that it looks at.
"""

import errno
import hashlib
import os
import stat
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from tarfile import TarError, TarInfo
from typing import NamedTuple

import msgspec

from receiver.machine import trees
from receiver.machine.trees import Folder
from receiver.model.build import Tree
from receiver.model.errors import BuildError
from receiver.model.layout import ReleasePaths
from receiver.model.mounts import is_database_name
from receiver.model.patterns import regex

_BYTECODE_FOLDER = "__pycache__"
_BYTECODE = regex(r".+\.pyc(?:\.\d+)?")
"""While it is written, a number is behind its name."""
_BESIDE_DATABASE = ("-wal", "-shm", "-journal")
_HOLDS_NOTHING = "-shm"
"""What SQLite makes again of the database and its log, whenever it is missing."""
_KEEPERS = frozenset({".gitkeep", ".keep", ".gitignore"})
_DEEPEST = 60
_CHUNK_BYTES = 1024 * 1024


class Own(NamedTuple):
    """A file that is not as it was built, or the topmost folder that the build did not have."""

    path: str
    size: int
    """Of all files in it, in bytes."""
    files: int
    folder: bool
    database: bool
    """Whether it is an SQLite database by its name, or holds one."""
    as_large: bool = False
    """Whether the build had a file of this name and size: only the bytes tell whether it was
    changed.
    """
    as_old: bool = False
    """Whether its time is that of the build too."""


@contextmanager
def opened(top: Path, *names: str) -> Iterator[int | None]:
    """A folder below `top`, reached without following a link of the app's; None where there is
    none.
    """
    fds: list[int] = []
    try:
        with suppress(OSError):
            fds.append(os.open(top, trees.FOLDER))
            for name in names:
                fds.append(os.open(name, trees.FOLDER, dir_fd=fds[-1]))
        yield fds[-1] if len(fds) == len(names) + 1 else None
    finally:
        for fd in fds:
            os.close(fd)


def has_any(home: ReleasePaths) -> bool:
    """Whether anything was written since the release was built, by the times of its files alone."""
    built = _Time.of(home)
    try:
        with opened(home.source) as top:
            return _is_there(home) if top is None else _has_any(top, "", built, 0)
    except OSError:
        return True  # what cannot be looked into is for the second, careful look


def find(home: ReleasePaths, mounts: Collection[str]) -> list[Own]:
    """What was written, each folder that the build did not have as one.

    Args:
        home: the release
        mounts: where the app's storage appears in the tree: what lies around is told apart from it

    Raises:
        OSError: a folder cannot be looked into, or was moved meanwhile
    """
    finder = _Finder(_BuiltTree.of(home, mounts), _Time.of(home))
    for folder in _walk(home):
        finder.take(folder)
    return finder.found()


def digests(home: ReleasePaths, paths: Collection[str]) -> dict[str, str]:
    """SHA-256 of files as they were built."""
    found: dict[str, str] = {}
    for archive in (home.slug, home.phase) if paths else ():
        if archive.is_file():
            with archive.open("rb") as handle:
                tree = Tree(handle)
                found |= {path: _digest(tree, path) for path in paths if path in tree.members}
    return found


def entries(home: ReleasePaths) -> dict[str, tuple[int, int, int]]:
    """All that a tree holds, links too, but for what Python compiles: inode, time of the last
    change and size, which tell what was written between two looks; of a folder nothing.

    Raises:
        OSError: a folder cannot be looked into, or was moved meanwhile
    """
    found: dict[str, tuple[int, int, int]] = {}
    for folder in _walk(home):
        for name in (*folder.folders, *folder.files):
            status = _status(name, folder.fd)
            if status is None or _is_python_cache(folder.path, name):
                continue
            if stat.S_ISDIR(status.st_mode):
                found[_join(folder.path, name)] = (0, 0, 0)
            elif stat.S_ISREG(status.st_mode) or stat.S_ISLNK(status.st_mode):
                told = (status.st_ino, status.st_ctime_ns, status.st_size)
                found[_join(folder.path, name)] = told
    return found


class _Time(NamedTuple):
    """When a release was built, by the clock of its files.

    What bears any other time was written later: also one before, of a clock that was put back.
    """

    began_ns: int
    ended_ns: int

    @classmethod
    def of(cls, home: ReleasePaths) -> "_Time":
        """Where it was not noted, every file is of another time, and its bytes are asked."""
        try:
            return cls(home.env.stat().st_mtime_ns, home.built.stat().st_mtime_ns)
        except OSError:
            return cls(0, 0)

    def is_outside(self, status: os.stat_result) -> bool:
        return not self.began_ns <= status.st_ctime_ns <= self.ended_ns


class _BuiltTree(msgspec.Struct, frozen=True):
    """The tree as it was built, and as its release phase left it."""

    files: Mapping[str, TarInfo]
    folders: Collection[str]
    is_known: bool

    @classmethod
    def of(cls, home: ReleasePaths, mounts: Collection[str]) -> "_BuiltTree":
        slug, phase = _members(home.slug), _members(home.phase)
        # a database is the app's from its first table on: its rows are in no phase
        files = (slug or {}) | {
            path: member for path, member in (phase or {}).items() if not is_database_name(path)
        }
        named = [
            path
            for path, member in files.items()
            if not member.isdir() and path.rpartition("/")[2] not in _KEEPERS
        ]
        return cls(files, {"", *_above(named), *_above(mounts)}, slug is not None)

    def has_folder(self, path: str) -> bool:
        """Whether the build had files in this folder, besides those that only keep it in git."""
        return not self.is_known or path in self.folders


class _Finder(msgspec.Struct):
    """Takes the folders of a walk, each before those in it, and sorts what is the app's."""

    tree: _BuiltTree
    built: _Time
    _whole: dict[str, Own] = msgspec.field(default_factory=dict)
    _single: dict[str, Own] = msgspec.field(default_factory=dict)

    def take(self, folder: Folder) -> None:
        top = self._top_of(folder.path)
        for name, status in _written(folder):
            path = _join(folder.path, name)
            if top is not None and path not in self.tree.files:
                self._add(self._whole, top, path, status.st_size, folder=True)
            elif (beside := _database_of(name, folder)) is not None:
                if status.st_size and not name.endswith(_HOLDS_NOTHING):
                    database = _join(folder.path, beside)
                    self._add(self._single, database, database, status.st_size)
            else:
                self._take_file(path, status)

    def found(self) -> list[Own]:
        return [*self._whole.values(), *self._single.values()]

    def _take_file(self, path: str, status: os.stat_result) -> None:
        member = self.tree.files.get(path)
        outside = self.built.is_outside(status)
        if (member is None and self.tree.is_known) or (outside and not _as_large(member, status)):
            self._add(self._single, path, path, status.st_size)
        elif outside and member is not None:
            old = int(member.mtime) == int(status.st_mtime)
            own = Own(
                path=path,
                size=status.st_size,
                files=1,
                folder=False,
                database=is_database_name(path),
                as_large=True,
                as_old=old,
            )
            self._single.setdefault(path, own)

    def _top_of(self, path: str) -> str | None:
        """The topmost folder around this one, or itself, that the build did not have."""
        if self.tree.has_folder(path):
            return None
        parts = path.split("/")
        for depth in range(1, len(parts) + 1):
            top = "/".join(parts[:depth])
            if not self.tree.has_folder(top):
                # what Python compiles is nobody's; what else lies there is told by itself
                return None if parts[depth - 1] == _BYTECODE_FOLDER else top
        return None

    def _add(
        self, found: dict[str, Own], top: str, path: str, size: int, *, folder: bool = False
    ) -> None:
        before = found.get(top)
        found[top] = Own(
            path=top,
            size=size + (before.size if before else 0),
            files=1 + (before.files if before and folder else 0),
            folder=folder,
            database=is_database_name(path) or (before is not None and before.database),
        )


def _has_any(fd: int, name: str, built: _Time, depth: int) -> bool:
    """Whether a folder holds a file of another time, or is too deep for a quick look."""
    folders: list[str] = []
    with os.scandir(fd) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                folders.append(entry.name)
            elif entry.is_file(follow_symlinks=False):
                status = entry.stat(follow_symlinks=False)
                if built.is_outside(status) and not _is_bytecode(name, entry.name):
                    return True
    return bool(folders) and (
        depth == _DEEPEST or any(_has_any_in(fd, inner, built, depth + 1) for inner in folders)
    )


def _has_any_in(folder: int, name: str, built: _Time, depth: int) -> bool:
    fd = os.open(name, trees.FOLDER, dir_fd=folder)
    try:
        return _has_any(fd, name, built, depth)
    finally:
        os.close(fd)


def _walk(home: ReleasePaths) -> Iterator[Folder]:
    """All folders of a release's tree; none where it is gone."""
    with opened(home.source) as top:
        if top is not None:
            yield from trees.walk(top)
        elif _is_there(home):
            raise PermissionError(errno.EACCES, "The folder cannot be opened", home.source)


def _members(archive: Path) -> dict[str, TarInfo] | None:
    try:
        with archive.open("rb") as handle:
            return Tree(handle).members
    except (OSError, TarError, BuildError):
        return None


def _is_there(home: ReleasePaths) -> bool:
    return home.source.is_dir() and not home.source.is_symlink()


def _written(folder: Folder) -> Iterator[tuple[str, os.stat_result]]:
    """The regular files of a folder that somebody may miss."""
    for name in folder.files:
        status = _status(name, folder.fd)
        if (
            status is not None
            and stat.S_ISREG(status.st_mode)
            and not _is_bytecode(folder.path, name)
        ):
            yield name, status


def _status(name: str, fd: int) -> os.stat_result | None:
    try:
        return os.stat(name, dir_fd=fd, follow_symlinks=False)
    except FileNotFoundError:
        return None


def _is_bytecode(folder: str, name: str) -> bool:
    """Whether Python makes this file again by itself."""
    return folder.rpartition("/")[2] == _BYTECODE_FOLDER and _BYTECODE.fullmatch(name) is not None


def _is_python_cache(folder: str, name: str) -> bool:
    """Whether it is such a file, or the folder of them."""
    return name == _BYTECODE_FOLDER or _is_bytecode(folder, name)


def _database_of(name: str, folder: Folder) -> str | None:
    """The database that SQLite keeps this file beside."""
    for ending in _BESIDE_DATABASE:
        base = name.removesuffix(ending)
        if base not in (name, "") and base in folder.files:
            return base
    return None


def _as_large(member: TarInfo | None, status: os.stat_result) -> bool:
    return member is not None and member.isfile() and member.size == status.st_size


def _above(paths: Collection[str]) -> set[str]:
    """All folders that lie above these."""
    found: set[str] = set()
    for path in paths:
        above = path.rpartition("/")[0]
        while above and above not in found:
            found.add(above)
            above = above.rpartition("/")[0]
    return found


def _join(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name


def _digest(tree: Tree, path: str) -> str:
    found = hashlib.sha256()
    for chunk in tree.chunks(path, _CHUNK_BYTES):
        found.update(chunk)
    return found.hexdigest()

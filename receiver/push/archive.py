"""Makes git objects of an archive that somebody sent: a tar file, compressed or not, or a zip.

The archive is anybody's. It is read member by member into a pack, within the limits of a push;
nothing of it is unpacked to the disk. What a pushed commit is held to comes afterwards.
"""

import lzma
import shlex
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from typing import IO, NamedTuple, TypeAlias

from receiver.machine.memory_limit import little_memory
from receiver.model.errors import BuildError
from receiver.model.rubbish import is_rubbish, pattern_for
from receiver.model.weight import TreeLimits, Weight, refusal
from receiver.push.pack_writer import BLOB, TREE, PackWriter

_ZIP = b"PK"
_CHUNK_BYTES = 1 << 20
_LEFT_OUT_TIMES = 8
"""How much of what is left out is read, as a multiple of what a tree may be."""
_SHOWN = 5
_FOLDER, _FILE, _PROGRAM, _LINK = 0o040000, 0o100644, 0o100755, 0o120000
_MARK_OF_VENV = b"pyvenv.cfg"
_DAMAGE = (
    EOFError,
    LookupError,
    MemoryError,
    NotImplementedError,
    OverflowError,
    RecursionError,
    RuntimeError,
    ValueError,
    lzma.LZMAError,
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
)
"""What Python's readers raise for archives that are none, or that were made to harm."""


class Made(NamedTuple):
    """A tree that was made of an archive."""

    tree: str
    files: int
    left_out: tuple[str, ...]
    """Names of folders and files that nobody commits, each once."""
    top: str
    """The one folder that all of it is in, which is taken for the top; empty where there is none.
    """


class _Entry(NamedTuple):
    mode: int
    object_id: str


_Folder: TypeAlias = "dict[bytes, _Entry | _Folder]"


class _Member(NamedTuple):
    """What an archive holds under one name."""

    path: bytes
    mode: int
    size: int
    target: bytes = b""
    """Of a link; of a file that is another one of the archive, that one's path."""
    content: IO[bytes] | None = None


def read(archive: IO[bytes], pack: PackWriter, limits: TreeLimits) -> Made:
    """Write all of an archive into a pack.

    Args:
        archive: a file that can be read anywhere
        pack: where its files and folders go
        limits: what it may become

    Raises:
        BuildError: it is no archive, was made to harm, or becomes more than it may
    """
    start = archive.read(len(_ZIP))
    archive.seek(0)
    members = _of_zip if start == _ZIP else _of_tar
    try:
        with little_memory():
            return _Reader(pack, limits).take(members(archive))
    except _DAMAGE as error:
        raise _unreadable(start, error) from error


class _Reader:
    """Takes members one after the other, and makes folders of them in the end."""

    def __init__(self, pack: PackWriter, limits: TreeLimits) -> None:
        self._pack = pack
        self._limits = limits
        self._root: _Folder = {}
        self._entries = 0
        self._bytes = self._bytes_left_out = 0
        self._left_out: dict[str, None] = {}

    def take(self, members: Iterable[_Member]) -> Made:
        for member in members:
            self._take(member)
        self._leave_virtualenvs(self._root)
        folder, top = self._root, b""
        while len(folder) == 1 and not isinstance(inner := next(iter(folder.values())), _Entry):
            top, folder = top + next(iter(folder)) + b"/", inner
        tree, files = self._write(folder)
        if not files:
            raise _empty(tuple(self._left_out))
        shown = top.decode("utf-8", "backslashreplace").rstrip("/")
        return Made(tree, files, tuple(self._left_out), shown)

    def _take(self, member: _Member) -> None:
        parts = [part for part in member.path.split(b"/") if part not in {b"", b"."}]
        if member.path.startswith(b"/") or b".." in parts:
            raise _outside(member.path)
        if b"\0" in member.path:
            raise _unsafe(f"The name {_shown(member.path)} has a NUL byte in it.")
        if (found := next((part for part in parts if is_rubbish(part)), None)) is not None:
            self._leave_out(found, member)
            return
        if not parts:
            return
        self._weigh(member, b"/".join(parts))
        folder = self._folder(parts if member.mode == _FOLDER else parts[:-1], member.path)
        if member.mode != _FOLDER:
            if not isinstance(folder.get(parts[-1], _Entry(0, "")), _Entry):
                raise _both(member.path)
            folder[parts[-1]] = self._entry(member)

    def _leave_out(self, found: bytes, member: _Member) -> None:
        """It is not kept, but read, and what is compressed well may be without an end."""
        self._left_out[_shown(found)] = None
        self._bytes_left_out += member.size
        if self._bytes_left_out > _LEFT_OUT_TIMES * self._limits.size_bytes:
            raise _too_much_left_out(tuple(self._left_out))

    def _weigh(self, member: _Member, path: bytes) -> None:
        self._entries += 1
        self._bytes += member.size
        name = max(map(len, path.split(b"/")))
        weight = Weight(self._entries, self._bytes, len(path), name, len(member.target))
        if error := refusal(weight, self._limits, "archive"):
            raise error

    def _folder(self, parts: list[bytes], path: bytes) -> _Folder:
        folder = self._root
        for part in parts:
            if part not in folder:
                self._entries += 1
            inner = folder.setdefault(part, {})
            if isinstance(inner, _Entry):
                raise _both(path)
            folder = inner
        return folder

    def _entry(self, member: _Member) -> _Entry:
        if member.mode == _LINK:
            return _Entry(_LINK, self._pack.add(BLOB, len(member.target), (member.target,)))
        if member.content is None:
            return self._twin(member)
        return _Entry(member.mode, self._pack.add(BLOB, member.size, _chunks(member)))

    def _twin(self, member: _Member) -> _Entry:
        """A hard link: another name of a file that came before."""
        found: _Entry | _Folder | None = self._root
        for part in (part for part in member.target.split(b"/") if part not in {b"", b"."}):
            found = found.get(part) if isinstance(found, dict) else None
        if not isinstance(found, _Entry):
            raise _unsafe(
                f"{_shown(member.path)} is a hard link to {_shown(member.target)}, which is not "
                "in the archive."
            )
        return found

    def _leave_virtualenvs(self, folder: _Folder) -> None:
        for name, inner in list(folder.items()):
            if isinstance(inner, dict):
                if _MARK_OF_VENV in inner:
                    self._left_out[_shown(name)] = None
                    del folder[name]
                else:
                    self._leave_virtualenvs(inner)

    def _write(self, folder: _Folder) -> tuple[str, int]:
        """Write a folder, those in it first; its id, and how many files it has."""
        rows, count = [], 0
        for name, inner in folder.items():
            if isinstance(inner, _Entry):
                rows.append(
                    (name, b"%o %b\0" % (inner.mode, name) + bytes.fromhex(inner.object_id))
                )
                count += 1
            elif inner:
                below, files = self._write(inner)
                # git sorts a folder as if its name ended with a slash
                rows.append((name + b"/", b"%o %b\0" % (_FOLDER, name) + bytes.fromhex(below)))
                count += files
        data = b"".join(row for _, row in sorted(rows))
        return self._pack.add(TREE, len(data), (data,)), count


def _chunks(member: _Member) -> Iterator[bytes]:
    """The content, which has to be as long as was said."""
    left = member.size
    while member.content and (chunk := member.content.read(min(_CHUNK_BYTES, left + 1))):
        left -= len(chunk)
        if left < 0:
            raise ValueError("a file is longer than the archive says")
        yield chunk
    if left:
        raise EOFError


def _of_tar(archive: IO[bytes]) -> Iterator[_Member]:
    with tarfile.open(fileobj=archive, mode="r|*", errors="surrogateescape") as tar:
        for info in tar:
            yield _of_info(tar, info)


def _of_info(tar: tarfile.TarFile, info: tarfile.TarInfo) -> _Member:
    path, target = _raw(info.name), _raw(info.linkname)
    if info.isdir():
        return _Member(path, _FOLDER, 0)
    if info.issym():
        return _Member(path, _LINK, len(target), target)
    mode = _PROGRAM if info.mode & stat.S_IXUSR else _FILE
    if info.islnk():
        return _Member(path, mode, 0, target)
    if not info.isreg():
        raise _unsafe(f"{_shown(path)} is a device or a pipe.")
    return _Member(path, mode, info.size, content=tar.extractfile(info))


def _of_zip(archive: IO[bytes]) -> Iterator[_Member]:
    with zipfile.ZipFile(archive) as bundle:
        for info in bundle.infolist():
            path, mode = _raw(info.filename), info.external_attr >> 16
            if info.is_dir():
                yield _Member(path, _FOLDER, 0)
                continue
            with bundle.open(info) as content:
                if stat.S_ISLNK(mode):
                    target = content.read(_CHUNK_BYTES)
                    yield _Member(path, _LINK, len(target), target)
                elif stat.S_IFMT(mode) not in {0, stat.S_IFREG}:
                    raise _unsafe(f"{_shown(path)} is a device or a pipe.")
                else:
                    kind = _PROGRAM if mode & stat.S_IXUSR else _FILE
                    yield _Member(path, kind, info.file_size, content=content)


def _raw(name: str) -> bytes:
    return name.encode("utf-8", "surrogateescape")


def _shown(name: bytes) -> str:
    text = name.decode("utf-8", "backslashreplace")
    return "".join(char if char.isprintable() else "?" for char in text)


def _outside(path: bytes) -> BuildError:
    return _unsafe(f"The name {_shown(path)} leads out of it.")


def _both(path: bytes) -> BuildError:
    return _unsafe(f"{_shown(path)} is both a file and a folder in it.")


def _unsafe(seen: str) -> BuildError:
    return BuildError(
        "The archive holds something that no commit can hold.",
        detail=seen,
        advice="Make it of the app's folder, with names relative to it: `tar czf app.tar.gz -C "
        "FOLDER .`.",
        reason="build/unsafe-tree",
    )


def _too_much_left_out(names: tuple[str, ...]) -> BuildError:
    patterns = dict.fromkeys(map(pattern_for, names))
    without = " ".join(f"--exclude={shlex.quote(pattern)}" for pattern in patterns)
    return BuildError(
        "The archive holds too much that is left out.",
        detail=f"Left out: {', '.join(names[:_SHOWN])}.",
        advice=f"Make it without them:\n    tar czf app.tar.gz {without} -C FOLDER .",
        reason="build/archive-too-large",
    )


def _empty(left_out: tuple[str, ...]) -> BuildError:
    return BuildError(
        "The archive is empty.",
        detail=f"Left out: {', '.join(left_out)}." if left_out else "No file is in it.",
        advice="Make it of the app's folder: `tar czf app.tar.gz -C FOLDER .`.",
        reason="build/empty-archive",
    )


def _unreadable(start: bytes, error: Exception) -> BuildError:
    if isinstance(error, MemoryError | RecursionError):
        return _too_much_memory()
    if isinstance(error, EOFError) or "unexpected end" in str(error):
        return BuildError(
            "The archive did not arrive whole.",
            detail="It ends in the middle.",
            advice="Send it again. `tar tf` and `unzip -t` show whether the file itself is whole.",
            reason="build/archive-cut-short",
        )
    seen = str(error).rstrip(".") or type(error).__name__
    return BuildError(
        "This is not an archive that can be read." if start else "Nothing was sent.",
        detail=f"{seen[:1].upper()}{seen[1:]}.",
        advice="Send a tar file, plain or compressed by gzip, bzip2 or xz, or a zip without a "
        "password:\n    tar czf - . | ssh ship@HOST git:from-archive -a NAME",
        reason="build/not-an-archive",
    )


def _too_much_memory() -> BuildError:
    return BuildError(
        "The archive needs too much memory to be read.",
        detail="Its headers are longer than those of any app.",
        advice="Make it again of the app's folder: `tar czf app.tar.gz -C FOLDER .`.",
        reason="build/unsafe-tree",
    )

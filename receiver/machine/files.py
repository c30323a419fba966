"""Files that appear whole or not at all, and survive a power cut once they are there."""

import errno
import fcntl
import os
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from receiver.machine import lifetimes, trees

_NEW_FILE = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
_EXCHANGE = 2  # RENAME_EXCHANGE of Linux


def write_atomically(
    path: Path, data: bytes | str, *, mode: int, gid: int = -1, lasting: bool = True
) -> None:
    """Make `path` hold `data`: temporary file beside it, permissions, fsync, rename, fsync of
    the folder. Without both fsyncs where it is not `lasting`: nobody reads it after a power cut.

    Text is encoded as UTF-8 with surrogate escapes, so bytes that came in through argv go out
    unchanged.
    """
    payload = data.encode("utf-8", "surrogateescape") if isinstance(data, str) else data
    fd, temporary = _temporary_file(path)
    try:
        with os.fdopen(fd, "wb") as handle:
            handle.write(payload)
            if gid != -1:
                os.fchown(fd, -1, gid)
            os.fchmod(fd, mode)
            if lasting:
                handle.flush()
                os.fsync(fd)
        Path(temporary).replace(path)
    finally:
        Path(temporary).unlink(missing_ok=True)  # already gone when the rename happened
    if lasting:
        sync_folder(path.parent)


@contextmanager
def holding(text: str) -> Iterator[int | None]:
    """A file without a name that can be read from its start, as a descriptor; None for an empty
    text.

    It is in memory where the system is Linux.
    """
    if not text:
        yield None
        return
    with nameless() as handle:
        handle.write(text.encode("utf-8", "surrogateescape"))
        handle.seek(0)
        yield handle.fileno()


def nameless() -> IO[bytes]:
    """A file without a name, in memory where the system is Linux."""
    if sys.platform == "linux":
        return os.fdopen(os.memfd_create("input", os.MFD_CLOEXEC), "w+b")
    else:  # noqa: RET505 - a type checker follows one of the two
        from tempfile import TemporaryFile  # noqa: PLC0415 - Linux does without

        return TemporaryFile()


def link_atomically(path: Path, target: str) -> None:
    """Make `path` a symbolic link to `target`, replacing what link or file was there."""
    temporary = path.parent / f".{path.name}.{os.getpid()}"
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(target)
    temporary.replace(path)
    sync_folder(path.parent)


def link_file(path: Path, second: Path) -> None:
    """Give a file that never changes a second name, so that it stays until both are gone."""
    second.hardlink_to(path)
    sync_folder(second.parent)


def remove(path: Path) -> None:
    """Remove a file or link; nothing happens when it is not there."""
    path.unlink(missing_ok=True)
    if path.parent.is_dir():
        sync_folder(path.parent)


def remove_tree(path: Path) -> None:
    """Remove a folder and all in it, however deep, without following a link; nothing happens when
    it is not there.

    It is renamed first: a half-removed tree never stands under its own name. Only a folder in a
    lower layer of overlayfs, which cannot be renamed, is emptied where it is.
    """
    if not path.is_symlink() and not path.exists():
        return
    if path.is_symlink() or not path.is_dir():
        remove(path)
        return
    doomed, fd = locked_folder(path.parent, f".{path.name}.gone.")
    try:
        try:
            path.rename(doomed / "0")
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            from shutil import rmtree  # noqa: PLC0415 - few machines need it

            rmtree(path)
        sync_folder(path.parent)
        trees.empty(fd)
        doomed.rmdir()
    finally:
        os.close(fd)


def locked_folder(parent: Path, prefix: str) -> tuple[Path, int]:
    """Make a folder for a while, and lock it: the lock ends with this process, so that whoever gets
    it knows that nobody needs the folder any more. Returns the descriptor that holds it as well.
    """
    from tempfile import mkdtemp  # noqa: PLC0415 - slow, and few changes need a folder

    while True:
        folder = Path(mkdtemp(dir=parent, prefix=prefix))
        with suppress(FileNotFoundError):  # taken for abandoned before it was locked
            fd = os.open(folder, trees.FOLDER)
            fcntl.flock(fd, fcntl.LOCK_EX)
            if folder.exists():
                return folder, fd
            os.close(fd)


def clear_abandoned(folder: Path, kept: Collection[str] = ()) -> None:
    """Remove the temporary files and half-removed trees in a folder whose process has ended.

    Their names start with a dot. What a living process is at is left to it, and what cannot be
    removed stays for `ship doctor` to name.
    """
    for path in _temporary(folder, kept):
        with suppress(OSError), _taken(path) as fd:
            if fd is not None and path.is_dir() and not path.is_symlink():
                trees.empty(fd)
                path.rmdir()
            elif fd is not None:
                path.unlink()


def abandoned(folder: Path, kept: Collection[str] = ()) -> list[Path]:
    """What `clear_abandoned` would remove."""
    found = []
    for path in _temporary(folder, kept):
        with suppress(OSError), _taken(path) as fd:
            if fd is not None:
                found.append(path)
    return found


def _temporary(folder: Path, kept: Collection[str]) -> list[Path]:
    return sorted(path for path in folder.glob(".*") if path.name not in kept)


@contextmanager
def _taken(path: Path) -> Iterator[int | None]:
    """Whether nobody is at something temporary; as long as this lasts, nobody else can be.

    It is the descriptor that holds it, or None where a living process does.
    """
    if path.is_symlink():  # no link can be locked: its name ends with the id of its process
        yield None if process_exists(path.name.rpartition(".")[2]) else -1
        return
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        yield fd if try_lock(fd) else None
    finally:
        os.close(fd)


def is_held(path: Path) -> bool:
    """Whether a living process holds a file by its lock."""
    try:
        with _taken(path) as fd:
            return fd is None
    except FileNotFoundError:
        return False


def try_lock(fd: int) -> bool:
    """Lock an open file unless another holds it; whether it did."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def process_exists(pid: str) -> bool:
    """Whether a process of this id runs; never where the text is none.

    One that has ended stays visible until its parent fetches it. In a container nobody may.
    """
    if not pid.isdecimal():
        return False
    try:
        os.kill(int(pid), 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass
    return not lifetimes.is_unfetched(int(pid))


def _temporary_file(path: Path) -> tuple[int, str]:
    """A new file beside `path`, locked for as long as this process works on it."""
    while True:
        # as tempfile.mkstemp does it, whose import takes longer than the writing of most files
        temporary = f"{path.parent}/.{path.name}.{os.urandom(8).hex()}"
        fd = os.open(temporary, _NEW_FILE, 0o600)
        fcntl.flock(fd, fcntl.LOCK_EX)
        if os.fstat(fd).st_nlink:
            return fd, temporary
        os.close(fd)  # taken for abandoned before it was locked


def keep_only(folder: Path, kept: Path) -> None:
    """Remove everything in `folder` but `kept`."""
    for path in folder.iterdir():
        if path != kept:
            remove_tree(path)


def move(old: Path, new: Path) -> None:
    """Give a file or folder another place on the same disk; done already, it is not there."""
    if old.exists():
        old.rename(new)
        sync_folder(new.parent)


def exchange(one: Path, other: Path) -> None:
    """Give two files or folders of one disk each other's names, in one step of the kernel.

    Raises:
        OSError: the disk cannot; nothing was changed
    """
    import ctypes  # noqa: PLC0415 - slow, and files are part of every push

    libc = ctypes.CDLL(None, use_errno=True)
    here = -100  # AT_FDCWD: the names are whole ones, or below the folder where this runs
    names = os.fsencode(one), os.fsencode(other)
    if libc.renameat2(here, names[0], here, names[1], _EXCHANGE):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), str(one))
    sync_folder(one.parent)
    sync_folder(other.parent)


def sync_folder(path: Path) -> None:
    """Have a rename or removal in folder `path` outlive a power cut."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def read_text(path: Path) -> str | None:
    """The text of a file, or None where there is none.

    Never follows a link, nor waits for who writes into a pipe.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return None
    with os.fdopen(fd, encoding="utf-8", errors="surrogateescape") as handle:
        return handle.read()


def text_at(path: Path) -> str | None:
    """The text of a file as it stands; None where there is none, or a link in its place."""
    if path.is_symlink() or not path.is_file():
        return None
    return path.read_text(encoding="utf-8", errors="surrogateescape")


def open_log(path: Path) -> int:
    """A descriptor to write behind what is in a file; made where it is missing, never by a link."""
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    return os.open(path, flags, 0o600)


def open_held(path: Path) -> int:
    """A new, empty file, which is locked until this process, and those forked from it, have ended
    or closed it; what is there of this name is lost.
    """
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    fcntl.flock(fd, fcntl.LOCK_EX)
    return fd


def make_folder(path: Path, *, mode: int, uid: int = -1, gid: int = -1) -> None:
    """Make a folder, or give the one that is there this mode and owner."""
    path.mkdir(mode=mode, exist_ok=True)
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        if (uid, gid) != (-1, -1):
            os.fchown(fd, uid, gid)
        os.fchmod(fd, mode)
    finally:
        os.close(fd)


def give_tree(folder: Path, *, uid: int, gid: int) -> None:
    """Give everything in a folder to another account, without following a link."""
    top = os.open(folder, trees.FOLDER)
    try:
        for found in trees.walk(top):
            for name in (*found.folders, *found.files):
                os.chown(name, uid, gid, dir_fd=found.fd, follow_symlinks=False)
    finally:
        os.close(top)


@contextmanager
def locked_file(path: Path) -> Iterator[int]:
    """Hold an exclusive lock on `path` for short changes of shared state, such as handing out
    ports.
    """
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield fd
    finally:
        os.close(fd)

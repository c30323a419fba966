"""Folders of any depth: walked and removed step by step, by descriptors, following no link.

No path is ever put together, so none is too long; nothing calls itself, so no depth is too deep;
and who owns what is in a tree cannot lead the walk out of it, whatever is moved meanwhile. The
programs of `runtime` for storage import it too, in any Python from 3.9 on.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from typing import NamedTuple

FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_GONE = {errno.ENOENT, errno.ENOTDIR, errno.ELOOP}


class Folder(NamedTuple):
    """A folder that a walk has come to, open until the walk goes on."""

    path: str
    """Below the top, for people to read; empty for the top itself."""
    fd: int
    folders: list[str]
    """Take a name out, and the walk does not go there."""
    files: list[str]
    """Everything else, links too."""


def walk(top: int) -> Iterator[Folder]:
    """All folders of a tree, each before those in it; one that goes meanwhile is passed over.

    Args:
        top: a descriptor of the tree; it stays the caller's

    Raises:
        OSError: a folder cannot be read, or was moved elsewhere while the walk was in it
    """
    here, path = os.dup(top), ""
    above: list[tuple[list[str], tuple[int, int], str]] = []
    try:
        found = _look(path, here)
        yield found
        left, identity = found.folders, _identity(here)
        while True:
            if left:
                name = left.pop()
                inner = _open(name, here)
                if inner is None:
                    continue
                above.append((left, identity, path))
                os.close(here)
                here, path = inner, f"{path}/{name}" if path else name
                found = _look(path, here)
                yield found
                left, identity = found.folders, _identity(here)
            elif above:
                left, identity, path = above.pop()
                outer = os.open("..", FOLDER, dir_fd=here)
                os.close(here)
                here = outer
                if _identity(here) != identity:
                    raise OSError(errno.ESTALE, "A folder was moved while it was looked at", path)
            else:
                return
    finally:
        os.close(here)


def below(top: str | os.PathLike[str]) -> Iterator[Folder]:
    """The same of a tree by its path; raises as `walk` does."""
    fd = os.open(top, FOLDER)
    try:
        yield from walk(fd)
    finally:
        os.close(fd)


def empty(top: int) -> None:
    """Remove all that is in a folder.

    What lies deeper is first moved up into it, so that no more than two folders are ever open.

    Raises:
        OSError: something of it cannot be removed
    """
    number = 0
    waiting = _remove_files(top)
    while waiting:
        name = waiting.pop()
        inner = _open(name, top)
        if inner is None:
            continue
        try:
            for deeper in _remove_files(inner):
                number = _move_up(deeper, inner, top, number)
                waiting.append(str(number))
        finally:
            os.close(inner)
        _without_gone(os.rmdir, name, top)


def _look(path: str, fd: int) -> Folder:
    folders: list[str] = []
    others: list[str] = []
    with os.scandir(fd) as entries:
        for entry in entries:
            (folders if entry.is_dir(follow_symlinks=False) else others).append(entry.name)
    return Folder(path, fd, folders, others)


def _identity(fd: int) -> tuple[int, int]:
    found = os.fstat(fd)
    return found.st_dev, found.st_ino


def _open(name: str, within: int) -> int | None:
    try:
        return os.open(name, FOLDER, dir_fd=within)
    except OSError as error:
        if error.errno in _GONE:
            return None
        raise


def _remove_files(fd: int) -> list[str]:
    """Remove what is not a folder; returns the names of those that are."""
    found = _look("", fd)
    for name in found.files:
        _without_gone(os.unlink, name, fd)
    return found.folders


def _move_up(name: str, within: int, top: int, number: int) -> int:
    """Give a folder a free name at the top: a number, which is returned."""
    while True:
        number += 1
        try:
            os.stat(str(number), dir_fd=top, follow_symlinks=False)
        except FileNotFoundError:
            os.rename(name, str(number), src_dir_fd=within, dst_dir_fd=top)
            return number


def _without_gone(remove: Callable[..., None], name: str, within: int) -> None:
    try:
        remove(name, dir_fd=within)
    except FileNotFoundError:
        return

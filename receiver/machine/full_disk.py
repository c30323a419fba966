"""Puts errors into words at the edges: what a full disk caused is told as that, whoever met it.

Few programs say that the disk was full, and some say something else of it; so the disk is looked
at as well. It changes nothing.
"""

import errno
import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from receiver.model.errors import ShipError, disk_full

_NUMBERS = {errno.ENOSPC, errno.EDQUOT}
_WORDS = ("No space left on device", "Disk quota exceeded")
_FULL_BYTES = 256 * 1024
_NOT_OF_A_DISK = {"usage", "access", "not-found", "exists", "locked", "cancelled"}
_ANYTHING = {"internal", "server"}
_OF_APPS = {"check", "swap", "release"}
_REASON = "build/disk-full"
_SHOWN_FRAMES = 6


def in_words(error: Exception, places: Iterable[Path] = (), *, advice: str = "") -> ShipError:
    """The error that is told: itself, if it was made to be, or one that names a fault of ours.

    Args:
        error: what went wrong
        places: folders on the disks that may be full
        advice: goes before the request to report a fault
    """
    if found := _of_full_disk(error, places):
        return found
    if isinstance(error, ShipError):
        return error
    import traceback  # noqa: PLC0415 - only a fault of ship's own needs it

    return ShipError(
        f"Ship failed in a way it should not: {error!r}",
        detail="".join(traceback.format_exception(error)[-_SHOWN_FRAMES:]),
        advice=f"{advice} Please report this with the lines above.".strip(),
    )


def _of_full_disk(error: Exception, places: Iterable[Path]) -> ShipError | None:
    kind = error.reason.partition("/")[0] if isinstance(error, ShipError) else "internal"
    if kind in _NOT_OF_A_DISK or (isinstance(error, ShipError) and error.reason == _REASON):
        return None
    for cause in _causes(error):
        if isinstance(cause, OSError) and cause.errno in _NUMBERS:
            return _told(error, f"{cause}")
    said = f"{error.title}\n{error.detail}" if isinstance(error, ShipError) else f"{error!r}"
    named = is_named_in(said)
    # a program that a full disk ends may say anything, and an app means its own disks too
    if kind in _ANYTHING:
        full = named or any(map(is_full, places))
    else:
        full = named and (kind not in _OF_APPS or any(map(is_full, places)))
    return _told(error, said) if full else None


def _told(error: Exception, seen: str) -> ShipError:
    found = disk_full(seen.strip())
    if isinstance(error, ShipError):
        found.log = error.log
    return found


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and what it came of, which may have come of the error in its turn."""
    cause: BaseException | None = error
    seen: set[int] = set()
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        yield cause
        cause = cause.__cause__ or cause.__context__


def is_named_in(said: str) -> bool:
    """Whether a program says that a disk was full."""
    return any(word in said for word in _WORDS)


def is_full(place: Path) -> bool:
    """Whether the disk that a folder is on takes nothing more."""
    with suppress(OSError):
        found = os.statvfs(place)
        no_room = found.f_bavail * found.f_frsize < _FULL_BYTES
        return no_room or (found.f_files > 0 and found.f_favail == 0)
    return False

"""One deploy per app: a lock that names its holder and dies with its process."""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from receiver.clock import SYSTEM_CLOCK, Clock
from receiver.model.errors import ShipError

_RETRY_S = 0.2


class LockedError(ShipError):
    """Another command works on this app, and did not end in time."""

    default_reason = "locked/busy"


@contextmanager
def app_lock(
    path: Path,
    holder: str,
    *,
    wait_s: float,
    on_wait: Callable[[str], None] = lambda _: None,
    clock: Clock = SYSTEM_CLOCK,
) -> Iterator[int]:
    """Hold the lock of one app.

    The kernel lets go of it when the holder's process ends, however it ends: there are no stale locks.

    Args:
        path: the lock file; holds a sentence about its holder
        holder: such as `deploy of 1a2b3c4 by laptop`
        wait_s: how long to wait for another holder
        on_wait: told once, with the other holder's sentence, when there is a wait
        clock: where time comes from

    Raises:
        LockedError: still held by another after `wait_s`
    """
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _acquire(fd, wait_s, on_wait, clock)
        os.ftruncate(fd, 0)
        os.pwrite(fd, f"{holder} (process {os.getpid()})".encode(), 0)
        yield fd
        os.ftruncate(fd, 0)
    finally:
        os.close(fd)


def lock_holder(path: Path) -> str | None:
    """Who holds the lock now, in words; None when nobody does."""
    try:
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        return None if _try(fd) else _holder(fd)
    finally:
        os.close(fd)


def _acquire(fd: int, wait_s: float, on_wait: Callable[[str], None], clock: Clock) -> None:
    if _try(fd):
        return
    started = clock.now()
    on_wait(_holder(fd))
    while not _try(fd):
        if clock.now() - started >= wait_s:
            raise LockedError(
                "Another command is at work on this app.",
                detail=f"The lock is held by the {_holder(fd)}. Waited {wait_s:g} s.",
                advice="Wait for it to end, or stop a build with `ship builds:cancel`.",
            )
        clock.sleep(_RETRY_S)


def _try(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _holder(fd: int) -> str:
    return os.pread(fd, 512, 0).decode(errors="replace") or "command that is just starting"

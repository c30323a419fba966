"""One deploy per app, and few builds per server: locks that name their holder and die with its
process.
"""

import fcntl
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from receiver.machine.clock import SYSTEM_CLOCK, Clock
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

    The kernel lets go of it when the holder's process ends, however it ends: there are no stale
    locks.

    Args:
        path: the lock file; holds a sentence about its holder
        holder: such as `deploy of 1a2b3c4 by laptop`
        wait_s: how long to wait for another holder
        on_wait: told once, with the other holder's sentence, when there is a wait
        clock: where time comes from

    Raises:
        LockedError: still held by another after `wait_s`
    """
    told = f"{holder} (process {os.getpid()})"
    with _one_of((path,), told, wait_s, on_wait, _app_is_busy, clock) as fd:
        yield fd


@contextmanager
def build_turn(
    paths: Sequence[Path],
    holder: str,
    *,
    wait_s: float,
    on_wait: Callable[[str], None],
    clock: Clock = SYSTEM_CLOCK,
) -> Iterator[None]:
    """Hold one of the places in which builds of this server go on at once.

    Args:
        paths: a lock file for each place
        holder: such as `build of blog (deploy of 1a2b3c4 by laptop)`
        wait_s: how long to wait for a free place
        on_wait: told once, with the sentence of one who holds a place, when there is a wait
        clock: where time comes from

    Raises:
        LockedError: none was free within `wait_s`
    """
    with _one_of(paths, holder, wait_s, on_wait, _others_build, clock):
        yield


@contextmanager
def _one_of(
    paths: Sequence[Path],
    holder: str,
    wait_s: float,
    on_wait: Callable[[str], None],
    busy: Callable[[str, float], LockedError],
    clock: Clock,
) -> Iterator[int]:
    with ExitStack() as opened:
        fds = [_open(path, opened) for path in paths]
        fd = _acquire(fds, wait_s, on_wait, busy, clock)
        os.ftruncate(fd, 0)
        os.pwrite(fd, holder.encode(), 0)
        yield fd
        os.ftruncate(fd, 0)


def _open(path: Path, opened: ExitStack) -> int:
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    opened.callback(os.close, fd)
    return fd


def _acquire(
    fds: Sequence[int],
    wait_s: float,
    on_wait: Callable[[str], None],
    busy: Callable[[str, float], LockedError],
    clock: Clock,
) -> int:
    """Wait until one of these is free, and take it; whoever took none holds none."""
    started = clock.now()
    told = False
    while True:
        for fd in fds:
            if _try(fd):
                return fd
        if not told:
            on_wait(_holder(fds[0]))
            told = True
        if clock.now() - started >= wait_s:
            raise busy(_holder(fds[0]), wait_s)
        clock.sleep(_RETRY_S)


def _app_is_busy(holder: str, wait_s: float) -> LockedError:
    return LockedError(
        "Another command is at work on this app.",
        detail=f"The lock is held by the {holder}. Waited {wait_s:g} s.",
        advice="Wait for it to end, or stop a build with `ship builds:cancel`.",
    )


def _others_build(_: str, wait_s: float) -> LockedError:
    return LockedError(
        "Other builds of this server did not come to their end.",
        detail=f"Waited {wait_s:g} s.",
        advice="Push again later, or have more builds go on at once: builds_at_once in the "
        "server's ship.toml.",
        reason="locked/builds",
    )


def _try(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _holder(fd: int) -> str:
    return os.pread(fd, 512, 0).decode(errors="replace") or "command that is just starting"

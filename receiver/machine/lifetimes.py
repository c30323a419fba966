"""Tells whether a process runs, and tells it from a later one that was given the same id."""

import os
import select
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from receiver.machine import proc

_ENDED = frozenset({"Z", "X"})
"""States of a process that has ended, and that nobody has fetched."""


def runs(pid: int) -> bool:
    """Whether there is such a process: one nobody has fetched has ended all the same."""
    found = proc.stat(pid)
    return found is not None and found.state not in _ENDED


def is_unfetched(pid: int) -> bool:
    """Whether a process has ended, and its parent has not fetched it yet."""
    found = proc.stat(pid)
    return found is not None and found.state in _ENDED


def birth(pid: int) -> str:
    """This boot, and when in it the process began; nothing where there is no such process."""
    found = proc.stat(pid)
    return f"{proc.boot_id()} {found.started_ticks}" if found else ""


def lives(pid: int, born: str) -> bool:
    """Whether the process that was born then still runs."""
    return bool(born) and birth(pid) == born and runs(pid)


def ends_within(pid: int, limit_s: float | None) -> bool:
    """Whether a process ends before the time is over; None waits for as long as it takes."""
    ready = select.poll()
    with end_of(pid) as descriptor:
        ready.register(descriptor, select.POLLIN)
        return bool(ready.poll(None if limit_s is None else limit_s * 1000))


@contextmanager
def end_of(pid: int) -> Iterator[int]:
    """A descriptor that is ready to be read when the process has ended."""
    if sys.platform == "linux":
        fd = os.pidfd_open(pid)
        try:
            yield fd
        finally:
            os.close(fd)
    else:
        ends = select.kqueue()
        event = select.kevent(
            pid, select.KQ_FILTER_PROC, select.KQ_EV_ADD | select.KQ_EV_ONESHOT, select.KQ_NOTE_EXIT
        )
        try:
            ends.control([event], 0)
            yield ends.fileno()
        finally:
            ends.close()

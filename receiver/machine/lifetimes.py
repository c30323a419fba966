"""Tells a process from a later one that was given the same id."""

import os
import select
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_STATE, _STARTED = 0, 19
"""Places in a process's stat, counted from behind its name."""


def boot_id() -> str:
    """What tells this boot of the machine from every other."""
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


def birth(pid: int) -> str:
    """This boot, and when in it the process began; nothing where there is no such process."""
    stat = _stat(pid)
    return f"{boot_id()} {stat[_STARTED]}" if stat else ""


def lives(pid: int, born: str) -> bool:
    """Whether the process that was born then still runs: one nobody has fetched has ended all
    the same.
    """
    return bool(born) and birth(pid) == born and _stat(pid)[:1] != ["Z"]


@contextmanager
def end_of(pid: int) -> Iterator[int]:
    """A descriptor that is ready to be read when the process, a child of this one, has ended."""
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


def _stat(pid: int) -> list[str]:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    return stat.rpartition(")")[2].split()

"""How much memory a build may use, and the end of one that uses more.

Where systemd has the kernel's memory controller, the kernel keeps a unit to its limit; the look
from here serves machines without it, such as containers, and the host that has no units.
"""

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from receiver.hosts.jobs import JobMemoryError
from receiver.machine import proc

_LOOK_EVERY_S = 0.25
_MIB = 1024 * 1024
_SIZES = {"M": _MIB, "G": 1024 * _MIB}


def bytes_of(text: str) -> int:
    """A share of this machine's memory such as `50%`, or a size such as `512M`, in bytes."""
    number, unit = int(text[:-1]), text[-1]
    return _machine_bytes() * number // 100 if unit == "%" else number * _SIZES[unit]


@contextmanager
def kept_to(
    limit_bytes: int | None, pids: Callable[[], Sequence[int]], kill: Callable[[], object]
) -> Iterator[None]:
    """Have `kill` called when these processes together use more than the limit.

    Raises:
        JobMemoryError: it was called
    """
    if limit_bytes is None:
        yield
        return
    over = threading.Event()
    exceeded = threading.Event()

    def look() -> None:
        # a job that ends at once is never looked at: that would cost more than it does
        while not over.wait(_LOOK_EVERY_S):
            if sum(proc.memory_bytes(pid) or 0 for pid in pids()) > limit_bytes:
                exceeded.set()
                kill()
                return

    watch = threading.Thread(target=look, daemon=True)
    watch.start()
    try:
        yield
    finally:
        over.set()
        watch.join()
    if exceeded.is_set():
        raise JobMemoryError


def pids_of_unit(place: str) -> list[int]:
    """Processes of a unit, by its place such as `system.slice/x.service`; wherever this machine
    has the tree of control groups.
    """
    for top in ("", "unified", "systemd"):
        listing = Path("/sys/fs/cgroup", top, place, "cgroup.procs")
        with suppress(OSError):
            if found := listing.read_text(encoding="ascii").split():
                return [int(pid) for pid in found]
    return []


def _machine_bytes() -> int:
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")

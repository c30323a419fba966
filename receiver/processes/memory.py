"""What memory the processes of apps hold: looked up from the kernel and in control groups.

An app's processes are known by what runtime/launch.py puts into their environment, on both hosts
alike.
"""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from receiver.machine import proc

_GROUPS = Path("/sys/fs/cgroup")
_ENVIRONMENT_BYTES = 256 * 1024
_STORAGE, _TYPE = b"SHIP_STORAGE", b"SHIP_PROCESS"
_NAMES = {_STORAGE, _TYPE}


class Process(msgspec.Struct, frozen=True):
    """One process of an app."""

    pid: int
    parent: int
    uid: int
    storage: str
    """The storage folder of its app, which is of this server alone."""
    type: str
    bytes: int
    """Its own, and its part of what it shares."""
    peak_bytes: int
    """The same, and what it once held more than now."""


def processes() -> tuple[Process, ...]:
    """All processes of apps that this account may look at."""
    return tuple(_processes())


def peak_bytes(pid: int) -> int | None:
    """The most that the unit of a process ever held since it was started; None where the kernel
    keeps no account.
    """
    for controllers, place in proc.control_groups(pid):
        # a process outside of a unit of its own shares its group with others
        if place.endswith(".service") and "@" in place and (found := _peak(controllers, place)):
            return found
    return None


def _peak(controllers: str, place: str) -> int | None:
    unified = _GROUPS / place.lstrip("/") / "memory.peak"
    older = _GROUPS / "memory" / place.lstrip("/") / "memory.max_usage_in_bytes"
    for path in (unified,) if not controllers else (older,) if "memory" in controllers else ():
        try:
            return int(path.read_text(encoding="ascii"))
        except (OSError, ValueError):
            continue
    return None


def _processes() -> Iterator[Process]:
    for pid in proc.pids():
        pairs = (it.partition(b"=") for it in proc.environment(pid, _ENVIRONMENT_BYTES))
        named = {name: value for name, _, value in pairs if name in _NAMES}
        if named.keys() == _NAMES and (found := _process(pid, named)) is not None:
            yield found


def _process(pid: int, named: Mapping[bytes, bytes]) -> Process | None:
    status, now = proc.status(pid), proc.memory_bytes(pid)
    if status is None or now is None:  # it has ended
        return None
    return Process(
        pid=pid,
        parent=status.parent,
        uid=status.uid,
        storage=os.fsdecode(named[_STORAGE]),
        type=os.fsdecode(named[_TYPE]),
        bytes=now,
        peak_bytes=now + status.most_resident_bytes - status.resident_bytes,
    )

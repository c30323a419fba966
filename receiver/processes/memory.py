"""What memory the processes of apps hold, and what the machine has: looked up in /proc and in
control groups.

An app's processes are known by what runtime/launch.py puts into their environment, on both hosts
alike.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")
_GROUPS = Path("/sys/fs/cgroup")
_KIB = 1024
_ENVIRONMENT_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class Machine:
    """All of the machine's memory, in bytes."""

    total: int
    available: int
    """What could be had without swapping, by the kernel's estimate."""
    swap_total: int
    swap_free: int


@dataclass(frozen=True, slots=True)
class Process:
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


def machine() -> Machine:
    """What there is, and what is left."""
    lines = (_PROC / "meminfo").read_text(encoding="ascii").splitlines()
    found = {
        name: int(rest.split()[0]) * _KIB for name, _, rest in (x.partition(":") for x in lines)
    }
    return Machine(found["MemTotal"], found["MemAvailable"], found["SwapTotal"], found["SwapFree"])


def processes() -> tuple[Process, ...]:
    """All processes of apps that this account may look at."""
    return tuple(_processes())


def peak_bytes(pid: int) -> int | None:
    """The most that the unit of a process ever held since it was started; None where the kernel
    keeps no account.
    """
    try:
        lines = (_PROC / str(pid) / "cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    for line in lines:
        _, controllers, place = line.split(":", 2)
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
    for folder in _PROC.iterdir():
        if not folder.name.isdigit():
            continue
        try:
            found = _process(folder)
        except (OSError, ValueError, KeyError):  # it has ended, or is somebody else's
            continue
        if found is not None:
            yield found


def _process(folder: Path) -> Process | None:
    with (folder / "environ").open("rb") as handle:
        words = handle.read(_ENVIRONMENT_BYTES).split(b"\0")
    named = dict(
        word.split(b"=", 1)
        for word in words
        if word.startswith((b"SHIP_STORAGE=", b"SHIP_PROCESS="))
    )
    if len(named) < 2:  # noqa: PLR2004 - both names
        return None
    status = _fields(folder / "status")
    now = _size(_fields(folder / "smaps_rollup")["Pss"])
    return Process(
        pid=int(folder.name),
        parent=int(status["PPid"]),
        uid=int(status["Uid"].split()[0]),
        storage=os.fsdecode(named[b"SHIP_STORAGE"]),
        type=os.fsdecode(named[b"SHIP_PROCESS"]),
        bytes=now,
        peak_bytes=now + _size(status["VmHWM"]) - _size(status["VmRSS"]),
    )


def _size(text: str) -> int:
    """`1234 kB` in bytes."""
    return int(text.split(maxsplit=1)[0]) * _KIB


def _fields(path: Path) -> dict[str, str]:
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    return {name: rest.strip() for name, _, rest in (line.partition(":") for line in lines)}

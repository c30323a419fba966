"""What the kernel says of processes and of the machine: the one reader of /proc (decision 0031).

It changes nothing. A process that has ended, or that this account may not look at, says nothing; so
does a machine without /proc, such as a laptop of another kind.
"""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

_PROC = Path("/proc")
_KIB = 1024
_ALL = -1


class Stat(NamedTuple):
    """State of a process."""

    state: str
    """One letter, such as `S`, or `Z` for one that has ended and that nobody has fetched."""
    started_ticks: int
    """When it began, counted from the boot of the machine."""


class Progress(NamedTuple):
    """What a process has done so far: equal twice in a row, it did nothing in between."""

    state: str
    ticks: int
    """Time on a processor, of all its threads."""
    read_bytes: int
    """By all its calls, also from pipes."""
    written_bytes: int

    @property
    def sleeps(self) -> bool:
        """Whether it waits for somebody, and not for a disk or a turn on a processor."""
        return self.state == "S"


class Status(NamedTuple):
    """Whose a process is, and what it holds of the memory."""

    parent: int
    uid: int
    resident_bytes: int
    most_resident_bytes: int


class ControlGroup(NamedTuple):
    """A control group that a process is in."""

    controllers: str
    """Such as `memory`; nothing for the one tree that newer machines have for all of them."""
    place: str


class Memory(NamedTuple):
    """All of the machine's memory, in bytes."""

    total: int
    available: int
    """What could be had without swapping, by the kernel's estimate."""
    swap_total: int
    swap_free: int


def pids() -> list[int]:
    """Ids of all processes."""
    with suppress(OSError):
        return [int(path.name) for path in _PROC.iterdir() if path.name.isdecimal()]
    return []


def children(pid: int) -> frozenset[int]:
    """The children of a process, whichever of its threads made them."""
    found: set[int] = set()
    with suppress(OSError):
        for thread in Path(_PROC, str(pid), "task").iterdir():
            found.update(map(int, _read(thread / "children").split()))
    return frozenset(found)


def session(leader: int) -> tuple[int, ...]:
    """Processes of the session or process group that `leader` started, itself included."""
    return tuple(pid for pid in pids() if leader in _group_and_session(pid))


def together(pid: int) -> tuple[int, ...]:
    """Processes below `pid`, and those that are in the same unit of systemd's; itself included.

    What a program starts may leave its session and its parent, and stays in its unit.
    """
    group = control_groups(pid)[-1:]
    if not group or not group[0].place.endswith(".service"):
        return tuple(_below(pid))
    return tuple(each for each in pids() if control_groups(each)[-1:] == group)


def _below(pid: int) -> Iterator[int]:
    yield pid
    for child in children(pid):
        yield from _below(child)


def _group_and_session(pid: int) -> tuple[int, int]:
    # asked of the kernel at once: a file of each process would take 20 times as long
    with suppress(OSError):
        return os.getpgid(pid), os.getsid(pid)
    return -1, -1


def name(pid: int) -> str:
    """The name of a process's program, at most 15 bytes; nothing where there is no process."""
    return _text(pid, "comm").strip()


def command_line(pid: int) -> bytes:
    """Arguments of a process, each with a NUL behind it, or what it has written in their place."""
    return _bytes(pid, "cmdline")


def mapped(pid: int) -> bytes:
    """What a process has in its memory, a line each; files by the names that they have now."""
    return _bytes(pid, "maps")


def environment(pid: int, most_bytes: int = _ALL) -> list[bytes]:
    """Variables that a process was started with, as `NAME=value`; those in the first bytes."""
    return _bytes(pid, "environ", most_bytes).split(b"\0")


def stat(pid: int) -> Stat | None:
    """State of a process, and when it began."""
    words = _text(pid, "stat").rpartition(")")[2].split()  # the name before it may hold spaces
    return Stat(words[0], int(words[19])) if words else None


def progress(pid: int) -> Progress | None:
    """What a process of this account has done so far."""
    words = _text(pid, "stat").rpartition(")")[2].split()
    moved = _fields(_text(pid, "io"))
    if not words or "rchar" not in moved:
        return None
    ticks = int(words[11]) + int(words[12])
    return Progress(words[0], ticks, int(moved["rchar"]), int(moved["wchar"]))


def began_at(pid: int) -> float | None:
    """When a process began, in seconds since 1970 by the kernel's account."""
    found = stat(pid)
    if found is None:
        return None
    booted = Path(_PROC, "stat").read_text(encoding="ascii").partition("\nbtime ")[2].split()[0]
    return int(booted) + found.started_ticks / os.sysconf("SC_CLK_TCK")


def status(pid: int) -> Status | None:
    """Whose a process is, and its memory; None for one that has none, such as the kernel's."""
    found = _fields(_text(pid, "status"))
    try:
        sizes = _size(found["VmRSS"]), _size(found["VmHWM"])
        return Status(int(found["PPid"]), int(found["Uid"].split()[0]), *sizes)
    except KeyError:
        return None


def memory_bytes(pid: int) -> int | None:
    """Memory of a process, with its part of what it shares with others."""
    found = _fields(_text(pid, "smaps_rollup"))
    return _size(found["Pss"]) if "Pss" in found else None


def control_groups(pid: int) -> list[ControlGroup]:
    """The control groups of a process, the one that systemd put it into last."""
    lines = (line.split(":", 2) for line in _text(pid, "cgroup").splitlines())
    return [ControlGroup(controllers, place) for _, controllers, place in lines]


def stand_in(folder: Path) -> bool:
    """Whether any process has its working directory in a folder, or below."""
    return any(stands_in(pid, folder) for pid in pids())


def stands_in(pid: int, folder: Path) -> bool:
    """Whether a process has its working directory in a folder, or below."""
    # a Path of each would take ten times as long
    return f"{_working_folder(pid)}/".startswith(f"{folder}/")


def _working_folder(pid: int) -> str:
    with suppress(OSError):
        return os.readlink(f"{_PROC}/{pid}/cwd")  # noqa: PTH115 - see above
    return ""


def sockets(pid: int) -> frozenset[str]:
    """Numbers of the sockets that a process has, as the tables of the network name them."""
    with suppress(OSError):
        links = [_target(path) for path in Path(_PROC, str(pid), "fd").iterdir()]
        return frozenset(link[8:-1] for link in links if link.startswith("socket:["))
    return frozenset()


def network(table: str) -> Iterator[str]:
    """Rows of a table of the network, such as `tcp`, without its heading."""
    yield from _read(Path("net", table)).decode("utf-8", "replace").splitlines()[1:]


def has_ipv6() -> bool:
    """Whether this machine has IPv6 at all."""
    return bool(_read(Path("net/if_inet6")).strip())


def locked_inodes() -> frozenset[int]:
    """Inodes of the files that somebody holds a lock on, by `flock`."""
    rows = (row.split() for row in _read(Path("locks")).decode("ascii").splitlines())
    # the numbers of a row are those of the device and the inode; an arrow marks one who only waits
    held = (row for row in rows if "FLOCK" in row and "->" not in row)
    return frozenset(int(row[5].rpartition(":")[2]) for row in held)


def boot_id() -> str:
    """What tells this boot of the machine from every other."""
    return Path(_PROC, "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


def kernel_setting(name: str) -> str | None:
    """A setting of the kernel, such as `net.ipv4.tcp_syncookies`; None where it has none."""
    said = _read(_setting(name)).decode("ascii", "replace").strip()
    return said or None


def is_settable(name: str) -> bool:
    """Whether this account may change a setting: in a container, most are the host's."""
    return os.access(_setting(name), os.W_OK)


def _setting(name: str) -> Path:
    return Path(_PROC, "sys", *name.split("."))


def machine_memory() -> Memory:
    """What memory there is, and what is left."""
    found = _fields(Path(_PROC, "meminfo").read_text(encoding="ascii"))
    names = ("MemTotal", "MemAvailable", "SwapTotal", "SwapFree")
    return Memory(*(_size(found[name]) for name in names))


def _text(pid: int, file: str) -> str:
    return _bytes(pid, file).decode("utf-8", "replace")


def _bytes(pid: int, file: str, most_bytes: int = _ALL) -> bytes:
    return _read(Path(str(pid), file), most_bytes)


def _read(path: Path, most_bytes: int = _ALL) -> bytes:
    with suppress(OSError), Path(_PROC, path).open("rb") as handle:
        return handle.read(most_bytes)
    return b""


def _target(path: Path) -> str:
    with suppress(OSError):
        return str(path.readlink())
    return ""


def _fields(text: str) -> dict[str, str]:
    """Lines such as `VmRSS:  1234 kB`, by name."""
    pairs = (line.partition(":") for line in text.splitlines())
    return {name: rest.strip() for name, _, rest in pairs}


def _size(text: str) -> int:
    """`1234 kB` in bytes."""
    return int(text.split(maxsplit=1)[0]) * _KIB

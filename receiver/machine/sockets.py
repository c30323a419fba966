"""Who listens on which TCP port of this machine: looked up in /proc, changes nothing."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from receiver.model.errors import ServerError

_LISTEN = "0A"
"""State of a listening socket in /proc/net/tcp."""
_LISTENS = "00010000"
"""Flags of a listening socket in /proc/net/unix."""
_V4 = 8
_MAPPED = "0000000000000000FFFF0000"
_LOOPBACK_V6 = "00000000000000000000000001000000"


def listening_ports(pids: Iterable[int]) -> tuple[int, ...]:
    """TCP ports that these processes listen on, sorted; what cannot be looked up is left out."""
    held = {inode for pid in pids for inode in _socket_inodes(pid)}
    return tuple(sorted({port for port, inode in _listeners() if inode in held}))


def open_ports(pids: Iterable[int]) -> tuple[int, ...]:
    """Those of their ports that are open to other machines, not to this one alone."""
    held = {inode for pid in pids for inode in _socket_inodes(pid)}
    everywhere = (row for row in _rows() if row.inode in held and not row.is_loopback)
    return tuple(sorted({row.port for row in everywhere}))


def listening_paths(pids: Iterable[int]) -> tuple[str, ...]:
    """Unix sockets that these processes listen on."""
    held = {inode for pid in pids for inode in _socket_inodes(pid)}
    try:
        rows = Path("/proc/net/unix").read_text(encoding="utf-8", errors="replace").splitlines()[1:]
    except OSError:
        return ()
    columns = (row.split(maxsplit=7) for row in rows)
    return tuple(
        sorted(c[7] for c in columns if c[3] == _LISTENS and c[6] in held and len(c) > 7)  # noqa: PLR2004 - the path is the last column
    )


def session_pids(leader: int) -> tuple[int, ...]:
    """Processes of the session or process group that `leader` started, itself included."""
    return tuple(pid for pid in _all_pids() if leader in _group_and_session(pid))


def port_holder(port: int) -> str | None:
    """The program that listens on `port`, as `nginx (process 123)`; None when it cannot be seen."""
    inodes = {inode for found, inode in _listeners() if found == port}
    for pid in _all_pids():
        if not inodes.isdisjoint(_socket_inodes(pid)):
            return f"{_program(pid)} (process {pid})"
    return None


def port_in_use(port: int, whom: str) -> ServerError:
    """The error for a port that another program listens on."""
    holder = port_holder(port)
    return ServerError(
        f"Port {port}, which {whom} needs, is in use.",
        detail=f"{holder} listens on it." if holder else "Another user's program listens on it.",
        advice="Stop that program, or choose another port.",
        reason="server/port-in-use",
    )


def has_ipv6() -> bool:
    """Whether this machine has IPv6 at all."""
    try:
        return bool(Path("/proc/net/if_inet6").read_text(encoding="ascii").strip())
    except OSError:
        return False


class _Row(NamedTuple):
    """A listening TCP socket."""

    address: str
    port: int
    inode: str

    @property
    def is_loopback(self) -> bool:
        """127.0.0.0/8 or ::1, in the kernel's order of bytes; the second also as an IPv4 address
        in IPv6.
        """
        v4 = self.address[-8:] if len(self.address) == _V4 or _MAPPED in self.address else ""
        return v4.endswith("7F") or self.address == _LOOPBACK_V6


def _listeners() -> Iterator[tuple[int, str]]:
    return ((row.port, row.inode) for row in _rows())


def _rows() -> Iterator[_Row]:
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            rows = Path(table).read_text(encoding="ascii").splitlines()[1:]
        except OSError:
            continue
        for row in rows:
            columns = row.split()
            if columns[3] == _LISTEN:
                address, _, port = columns[1].rpartition(":")
                yield _Row(address, int(port, 16), columns[9])


def _socket_inodes(pid: int) -> set[str]:
    try:
        links = [_target(path) for path in Path(f"/proc/{pid}/fd").iterdir()]
    except OSError:  # it has ended, or belongs to somebody else
        return set()
    return {link[8:-1] for link in links if link.startswith("socket:[")}


def _target(path: Path) -> str:
    try:
        return str(path.readlink())
    except OSError:
        return ""


def _all_pids() -> list[int]:
    return [int(path.name) for path in Path("/proc").glob("[0-9]*")]


def _group_and_session(pid: int) -> tuple[int, int]:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return (-1, -1)
    fields = stat.rpartition(")")[2].split()  # the name before it may hold spaces
    return int(fields[2]), int(fields[3])


def _program(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return "a program"

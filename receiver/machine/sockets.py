"""TCP ports and unix sockets of this machine: who listens, and is one free."""

import socket
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from receiver.machine import proc
from receiver.model.errors import ServerError

_LISTEN = "0A"
"""State of a listening socket in the tables of TCP."""
_LISTENS = "00010000"
"""Flags of a listening socket in the table of unix sockets."""
_V4 = 8
_MAPPED = "0000000000000000FFFF0000"
_LOOPBACK, _ANY = "0100007F", "00000000"
_LOOPBACK_V6 = "00000000000000000000000001000000"


def bind(port: int, address: str = "127.0.0.1", *, backlog: int | None = None) -> socket.socket:
    """A TCP socket that has a port of this machine; it listens where a backlog is given.

    Raises:
        OSError: another program has the port
    """
    taken = socket.socket()
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        taken.bind((address, port))
        if backlog is not None:
            taken.listen(backlog)
    except OSError:
        taken.close()
        raise
    return taken


def listening_ports(pids: Iterable[int]) -> tuple[int, ...]:
    """TCP ports that these processes listen on, sorted; what cannot be looked up is left out."""
    held = _held(pids)
    return tuple(sorted({row.port for row in _rows() if row.inode in held}))


def open_ports(pids: Iterable[int]) -> tuple[int, ...]:
    """Those of their ports that are open to other machines, not to this one alone."""
    held = _held(pids)
    everywhere = (row for row in _rows() if row.inode in held and not row.is_loopback)
    return tuple(sorted({row.port for row in everywhere}))


def listening_paths(pids: Iterable[int]) -> tuple[str, ...]:
    """Unix sockets that these processes listen on."""
    held = _held(pids)
    columns = (row.split(maxsplit=7) for row in proc.network("unix"))
    return tuple(
        sorted(c[7] for c in columns if c[3] == _LISTENS and c[6] in held and len(c) > 7)  # noqa: PLR2004 - the path is the last column
    )


def is_answered_by(port: int, pids: Iterable[int]) -> bool:
    """Whether who connects to a port of 127.0.0.1 reaches these processes and no other.

    Of several that listen on it, the kernel takes the one with the most exact address.
    """
    rows = [row for row in _rows() if row.port == port and row.nearness is not None]
    nearest = min((row.nearness for row in rows if row.nearness is not None), default=None)
    found = {row.inode for row in rows if row.nearness == nearest}
    return bool(found) and found <= _held(pids)


def is_listened_on(port: int) -> bool:
    """Whether any program listens on a port, also one that cannot be seen."""
    return any(row.port == port for row in _rows())


def listeners(port: int) -> tuple[int, ...]:
    """Processes that whoever connects to a port of 127.0.0.1 may reach, as far as can be seen."""
    rows = (row for row in _rows() if row.port == port and row.nearness is not None)
    return tuple(_holders({row.inode for row in rows}))


def port_holder(port: int) -> str | None:
    """The program that listens on `port`, as `nginx (process 123)`; None when it cannot be seen."""
    pid = holder(port)
    return None if pid is None else shown(pid)


def holder(port: int) -> int | None:
    """The process that listens on `port`; None when it cannot be seen."""
    return next(_holders({row.inode for row in _rows() if row.port == port}), None)


def _holders(inodes: set[str]) -> Iterator[int]:
    if inodes:
        yield from (pid for pid in proc.pids() if not inodes.isdisjoint(proc.sockets(pid)))


def shown(pid: int) -> str:
    """A process as `nginx (process 123)`."""
    return f"{proc.name(pid) or 'a program'} (process {pid})"


def port_in_use(port: int, whom: str) -> ServerError:
    """The error for a port that another program listens on."""
    holder = port_holder(port)
    return ServerError(
        f"Port {port}, which {whom} needs, is in use.",
        detail=f"{holder} listens on it." if holder else "Another user's program listens on it.",
        advice="Stop that program, or choose another port.",
        reason="server/port-in-use",
    )


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
        return self._v4.endswith("7F") or self.address == _LOOPBACK_V6

    @property
    def nearness(self) -> int | None:
        """How exactly it has the address 127.0.0.1, from 0; None where it has another one."""
        return {_LOOPBACK: 0, _ANY: 1}.get(self._v4, 2 if set(self.address) == {"0"} else None)

    @property
    def _v4(self) -> str:
        """The IPv4 address, also of a socket of IPv6; nothing where it has none."""
        return self.address[-8:] if len(self.address) == _V4 or _MAPPED in self.address else ""


def _rows() -> Iterator[_Row]:
    for table in ("tcp", "tcp6"):
        for row in proc.network(table):
            columns = row.split()
            if columns[3] == _LISTEN:
                address, _, port = columns[1].rpartition(":")
                yield _Row(address, int(port, 16), columns[9])


def _held(pids: Iterable[int]) -> set[str]:
    return {inode for pid in pids for inode in proc.sockets(pid)}

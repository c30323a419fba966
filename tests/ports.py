"""Loopback ports for the tests: ranges for processes and servers, each with one owner at a time."""

import socket
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import cycle

_SIZE = 200
# Below the ports that the kernel gives to outgoing connections; without 20000 to 20999, where a
# server hands out its first ports that was made with settings of its own.
_FIRST_PORTS = (*range(10_000, 20_000, _SIZE), *range(21_000, 32_600, _SIZE))


@dataclass(frozen=True)
class PortRange:
    """Ports from `first` to `last`, ours until `give_back` or the end of this process."""

    first: int
    claim: socket.socket

    @property
    def last(self) -> int:
        return self.first + _SIZE - 1

    def give_back(self) -> None:
        self.claim.close()


def claim_range() -> PortRange:
    """Claim the lowest range that nobody on this computer has."""
    for first in _FIRST_PORTS:
        # The kernel frees an abstract name when its owner ends, however that happens.
        claim = socket.socket(socket.AF_UNIX)
        try:
            claim.bind(f"\0ship-tests-ports-{first}")
        except OSError:
            claim.close()
        else:
            return PortRange(first, claim)
    raise RuntimeError("every range of ports for tests is taken")


def free_port() -> int:
    """A TCP port of this process's own range that nobody listened on just now."""
    return next(port for port in _ports_in_turn() if _is_free(port))


@cache
def _ports_in_turn() -> Iterator[int]:
    own = claim_range()  # kept by this generator, and so for as long as the process lives
    yield from cycle(range(own.first, own.last + 1))


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True

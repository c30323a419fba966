"""Slows down whoever shows tokens that are none, by the address that they come from.

A right token is never held up. The waits take threads of the receiver, so that only a few wait at
the same time; all others are sent away at once.
"""

import ipaddress
import threading
import time
from collections.abc import Callable

_FIRST_S, _LONGEST_S = 0.25, 8.0
_MEMORY_S = 600.0
_MOST_WAITING = 32
_MOST_ADDRESSES = 10_000
_NETWORK_BITS = 64
"""What one customer of a provider has of IPv6."""


class Guessing:
    """The wrong tokens of the last ten minutes, by address."""

    def __init__(
        self,
        sleep: Callable[[float], object] = time.sleep,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._sleep, self._now = sleep, now
        self._lock = threading.Lock()
        self._seen: dict[str, tuple[int, float]] = {}
        self._waiting = 0

    def slow(self, address: str) -> bool:
        """Wait, longer with each wrong token of an address; False, at once, where too many wait."""
        with self._lock:
            pause_s = self._pause_s(_owner(address))
            if self._waiting >= _MOST_WAITING:
                return False
            self._waiting += 1
        try:
            self._sleep(pause_s)
        finally:
            with self._lock:
                self._waiting -= 1
        return True

    def _pause_s(self, owner: str) -> float:
        now = self._now()
        if len(self._seen) >= _MOST_ADDRESSES:
            self._seen = {it: seen for it, seen in self._seen.items() if now - seen[1] < _MEMORY_S}
        count, last = self._seen.pop(owner, (0, now))
        count = count + 1 if now - last < _MEMORY_S else 1
        if len(self._seen) < _MOST_ADDRESSES:
            self._seen[owner] = (count, now)
        return float(min(_FIRST_S * 2 ** min(count - 1, 16), _LONGEST_S))


def _owner(address: str) -> str:
    """Who has an address: with IPv6, all of one network are one's."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if found.version == 4:  # noqa: PLR2004 - as the standard calls it
        return address
    return str(ipaddress.ip_network((found, _NETWORK_BITS), strict=False))

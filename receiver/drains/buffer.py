"""What a drain has read and not yet sent: bounded, so that a receiver that is away costs lines
and no memory.
"""

import threading
from collections import deque

import msgspec

from receiver.model.log_line import LogLine

MOST_LINES = 10_000
MOST_BYTES = 4 * 1024 * 1024
_BATCH_LINES = 500
_BATCH_BYTES = 256 * 1024
_OWN_BYTES = 500
"""What a line takes besides its text."""


class Batch(msgspec.Struct, frozen=True):
    """Lines to be sent together."""

    lines: tuple[LogLine, ...]
    cursor: str
    """Where the log was read to with the last of them."""
    dropped: int
    """How many lines were dropped before the first of them."""


class Buffer:
    """Filled by one thread, emptied by another; the oldest lines go when there are too many."""

    def __init__(self, most_lines: int = MOST_LINES, most_bytes: int = MOST_BYTES) -> None:
        self._most = most_lines, most_bytes
        self._lines: deque[tuple[LogLine, str]] = deque()
        self._bytes = 0
        self._dropped = 0
        self._closed = False
        self._changed = threading.Condition()

    def put(self, line: LogLine, cursor: str) -> None:
        """Add a line, in the place of the oldest ones if need be."""
        with self._changed:
            self._lines.append((line, cursor))
            self._bytes += _size(line)
            while len(self._lines) > self._most[0] or self._bytes > self._most[1]:
                self._pop()
                self._dropped += 1
            self._changed.notify()

    def take(self, linger_s: float = 0) -> Batch | None:
        """The oldest lines, once there are some; None when it was closed and none are left.

        Args:
            linger_s: how long to wait for more of them, so that they are sent together
        """
        with self._changed:
            self._changed.wait_for(lambda: self._lines or self._closed)
            if linger_s:
                self._changed.wait_for(lambda: self._closed or self._is_batch(), linger_s)
            if not self._lines:
                return None
            taken = [self._pop()]
            size = _size(taken[0][0])
            while self._lines and len(taken) < _BATCH_LINES and size < _BATCH_BYTES:
                taken.append(self._pop())
                size += _size(taken[-1][0])
            dropped, self._dropped = self._dropped, 0
        return Batch(tuple(line for line, _ in taken), taken[-1][1], dropped)

    def wait(self, limit_s: float | None) -> bool:
        """Wait so long for a line, or for the end; whether there is either."""
        with self._changed:
            return self._changed.wait_for(lambda: bool(self._lines) or self._closed, limit_s)

    def close(self) -> None:
        """Nothing more comes."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def wait_closed(self, limit_s: float) -> bool:
        """Wait so long, or until it is closed; whether it is."""
        with self._changed:
            return self._changed.wait_for(lambda: self._closed, limit_s)

    def _is_batch(self) -> bool:
        return len(self._lines) >= _BATCH_LINES or self._bytes >= _BATCH_BYTES

    def _pop(self) -> tuple[LogLine, str]:
        found = self._lines.popleft()
        self._bytes -= _size(found[0])
        return found


def _size(line: LogLine) -> int:
    return len(line.text) + _OWN_BYTES

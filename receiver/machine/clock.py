"""Time, passed in: what waits takes a Clock, so that a test need not."""

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """What ship asks of time."""

    def now(self) -> float:
        """Seconds on a clock that never goes back."""

    def sleep(self, seconds: float) -> None:
        """Wait."""

    def stamp(self) -> str:
        """UTC now, ISO 8601 to the second, such as 2026-01-31T08:15:00Z."""


class SystemClock:
    """The machine's own time."""

    def now(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    def stamp(self) -> str:
        return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


SYSTEM_CLOCK = SystemClock()


def now_us() -> int:
    """Microseconds since 1970: the time that lines of a log are written down with."""
    return time.time_ns() // 1000

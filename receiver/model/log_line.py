"""One line of an app's log, whoever wrote it; and the time that ship puts before lines it keeps
in files.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Literal

import msgspec

from receiver.model.patterns import regex

Source = Literal["app", "router", "build", "release", "cron", "ship"]
"""`app`: a process of the app, runs of people included; `router`: nginx; `build` and `release`:
the transcripts of a push and of its release phase; `cron`: runs of cron jobs; `ship`: what was
done to the app, and by whom."""
SOURCES: tuple[Source, ...] = ("app", "router", "build", "release", "cron", "ship")

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_STAMP_BYTES = 28
_STAMP = regex(rb"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6})Z ")


class LogLine(msgspec.Struct, frozen=True, eq=False):
    """What one line says, and where it comes from; ordered by time."""

    at_us: int
    """Microseconds since 1970, UTC."""
    source: Source
    process: str
    """`web`, `worker.1`, `run.12`, `nginx`, `v12`; names are unique within a source.

    Empty for `ship`.
    """
    text: bytes
    """As it was written, without its end."""
    release: int | None = None
    """The release that wrote it, or that it is about, as far as that is known; by this alone, no
    line differs from another."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, LogLine) and self._compared == other._compared

    def __lt__(self, other: "LogLine") -> bool:
        return self._compared < other._compared

    def __hash__(self) -> int:
        return hash(self._compared)

    @property
    def _compared(self) -> tuple[int, str, str, bytes]:
        return self.at_us, self.source, self.process, self.text

    @property
    def name(self) -> str:
        """Such as `app[worker.1]`."""
        return f"{self.source}[{self.process}]" if self.process else self.source

    @property
    def time(self) -> str:
        """UTC, ISO 8601, to the millisecond."""
        return f"{_text_of(self.at_us)[:-3]}Z"


def microseconds(at: datetime) -> int:
    """A time as microseconds since 1970."""
    return (at - _EPOCH) // _MICROSECOND


def unstamped(raw: bytes) -> tuple[int, bytes]:
    """The time that stands before a line, and the line; 0 where there is none."""
    found = _STAMP.match(raw)
    if found is None:
        return 0, raw
    try:
        at = datetime.fromisoformat(found[1].decode()).replace(tzinfo=UTC)
    except ValueError:  # of the thirteenth month, say: somebody else's words
        return 0, raw
    return microseconds(at), raw[found.end() :]


class Stamper:
    """Puts the time before each line of what comes in pieces; every line has a later one than
    that before.
    """

    def __init__(self, now_us: Callable[[], int]) -> None:
        self._now_us = now_us
        self._last_us = 0
        self.within_line = False
        """Whether the last line has no end yet."""

    def __call__(self, chunk: bytes) -> bytes:
        """A piece with the stamps of the lines that begin in it."""
        if not chunk:
            return chunk
        *whole, rest = chunk.split(b"\n")
        begun = [*whole, rest] if rest else whole
        first = 1 if self.within_line else 0
        told = begun[:first] + [self._stamp() + line for line in begun[first:]]
        self.within_line = bool(rest)
        return b"\n".join(told) + (b"" if rest else b"\n")

    def _stamp(self) -> bytes:
        self._last_us = max(self._now_us(), self._last_us + 1)
        return f"{_text_of(self._last_us)}Z ".encode()


class Unstamper:
    """Takes the times away again, from what is read in pieces."""

    def __init__(self) -> None:
        self._within_line = False
        self._held = b""

    def __call__(self, chunk: bytes) -> bytes:
        """A piece without stamps; what may be half of one waits for its other half."""
        lines = (self._held + chunk).split(b"\n")
        first = 1 if self._within_line else 0
        self._held = b""
        if len(lines) > first and len(lines[-1]) < _STAMP_BYTES:
            self._held = lines.pop()
            lines.append(b"")
        self._within_line = bool(lines[-1]) or (self._within_line and len(lines) == 1)
        return b"\n".join(lines[:first] + [unstamped(line)[1] for line in lines[first:]])

    def rest(self) -> bytes:
        """What was held back, when nothing more comes."""
        return unstamped(self._held)[1]


def _text_of(at_us: int) -> str:
    at = _EPOCH + timedelta(microseconds=at_us)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond:06}"

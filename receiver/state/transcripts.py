"""When each line of a build's transcript was written, and what it belongs to: rows beside the
transcript.

The transcript itself is plain text, since it is what a push shows. A row `OFFSET TIME SOURCE
VERSION` counts from that offset to the next row's.
"""

import os
from bisect import bisect_right
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from receiver.machine import files
from receiver.machine.clock import now_us
from receiver.model.log_line import Source

_CLOSEST_US = 10_000
"""Lines that follow each other faster share a row."""


class Row(NamedTuple):
    """From an offset on: when it was written, by which part of the work, towards which release."""

    offset: int
    at_us: int
    source: Source
    version: int


def times_file(log: Path) -> Path:
    """Where the rows of a transcript are."""
    return log.with_suffix(".times")


class Transcript:
    """Writes a transcript into an open file, and the rows beside it."""

    def __init__(self, fd: int, log: Path, version: int, now: Callable[[], int] = now_us) -> None:
        """Begin one.

        Args:
            fd: the transcript
            log: where it is
            version: the release that it may become
            now: the time
        """
        self._fd = fd
        self._source: Source = "build"
        self._version = version
        self._now = now
        self._last: Row | None = None
        self._times = files.open_log(times_file(log))

    def write(self, data: bytes) -> None:
        """Write a line."""
        row = Row(os.fstat(self._fd).st_size, self._now(), self._source, self._version)
        last = self._last
        if last is None or row[2:] != last[2:] or row.at_us - last.at_us >= _CLOSEST_US:
            os.write(self._times, f"{' '.join(map(str, row))}\n".encode())
            self._last = row
        os.write(self._fd, data)

    def belongs_to(self, source: Source | None, version: int | None) -> None:
        """Say what the lines from now on belong to; None leaves it."""
        self._source = source or self._source
        self._version = version or self._version


class Rows:
    """The rows of one transcript, as far as they are written."""

    def __init__(self, log: Path, started_us: int) -> None:
        self._path = times_file(log)
        self._rows = [Row(0, started_us, "build", 0)]
        self._offsets = [0]
        self._read_bytes = 0

    def at(self, offset: int) -> Row:
        """The row that counts at an offset."""
        if offset >= self._offsets[-1]:
            self._read_on()
        return self._rows[bisect_right(self._offsets, offset) - 1]

    @property
    def first_us(self) -> int:
        """When it began."""
        self._read_on()
        return self._rows[min(1, len(self._rows) - 1)].at_us

    @property
    def last_us(self) -> int:
        """When the last row was written."""
        self._read_on()
        return self._rows[-1].at_us

    def _read_on(self) -> None:
        if not self._path.exists() or self._path.stat().st_size == self._read_bytes:
            return
        text = files.read_text(self._path) or ""
        whole = text[self._read_bytes : text.rfind("\n") + 1]
        self._read_bytes += len(whole)
        for line in whole.splitlines():
            offset, at_us, source, version = line.split()
            self._rows.append(Row(int(offset), int(at_us), _source(source), int(version)))
            self._offsets.append(int(offset))


def _source(word: str) -> Source:
    return "release" if word == "release" else "build"

"""When which part of an app was given which release: by that, a line of its log is of a release.

A row is added whenever a slot is aimed, a process type is, or a release becomes the live one. Rows
say nothing that anything but the logs depends on.
"""

import os
import re
from bisect import bisect_right
from collections.abc import Mapping
from contextlib import suppress

from receiver.machine import files
from receiver.machine.clock import now_us
from receiver.model.layout import SLOTS, AppPaths
from receiver.model.patterns import regex

LIVE = "live"
_MOST_BYTES = 256 * 1024
_KEPT_ROWS = 2000
_ROW = regex(r"^([0-9]+) (\S+) ([0-9]+)\n", re.MULTILINE)

Rows = Mapping[str, list[tuple[int, int]]]
"""By part, since when (in microseconds) it has been of which release, oldest first."""


def note(paths: AppPaths, part: str, version: int) -> None:
    """Write down that a part, such as `web.a` or `worker`, is of a release from now on."""
    fd = files.open_log(paths.release_times)
    try:
        os.write(fd, f"{now_us()} {part} {version}\n".encode())
        size = os.fstat(fd).st_size
    finally:
        os.close(fd)
    if size > _MOST_BYTES:
        rows = (files.read_text(paths.release_times) or "").splitlines(keepends=True)
        files.write_atomically(paths.release_times, "".join(rows[-_KEPT_ROWS:]), mode=0o600)


class ReleaseTimes:
    """What was written down of an app; read again when more was."""

    def __init__(self, paths: AppPaths) -> None:
        self._paths = paths
        self._read_at = (0, 0)
        self._rows: Rows = {}

    def at(self, part: str, at_us: int) -> int | None:
        """The release that a part was of; None where nobody knows any more."""
        rows = self._current().get(part, [])
        place = bisect_right(rows, at_us, key=lambda row: row[0])
        return rows[place - 1][1] if place else None

    def began_us(self, version: int) -> int | None:
        """When the first part was of a release."""
        rows = self._current().values()
        found = [at_us for part in rows for at_us, release in part if release == version]
        return min(found, default=None)

    def _current(self) -> Rows:
        with suppress(FileNotFoundError):
            found = self._paths.release_times.stat()
            seen = (found.st_ino, found.st_size)
            if seen != self._read_at:
                self._rows, self._read_at = _rows(self._paths), seen
            return self._rows
        return _of_links(self._paths)


def _rows(paths: AppPaths) -> Rows:
    written: dict[str, list[tuple[int, int]]] = {}
    # a row that a power cut left half written is none, nor is the one behind it
    for at_us, part, version in _ROW.findall(files.read_text(paths.release_times) or ""):
        written.setdefault(part, []).append((int(at_us), int(version)))
    return {**_of_links(paths), **written}


def _of_links(paths: AppPaths) -> Rows:
    """What the links themselves tell, of parts that were aimed before anything was written down."""
    found: dict[str, list[tuple[int, int]]] = {}
    for slot in SLOTS:
        version = paths.aim(slot)
        if version is not None:
            aimed_us = paths.slot(slot).lstat().st_mtime_ns // 1000
            found[f"web.{slot}"] = [(aimed_us, version)]
    return found

"""Log files that are rotated while they are read: backwards from their end, and onwards from a
place in them.

A file `web.log` that grew is renamed to `web.log.1`, what was there before to `web.log.2`, and so
on. Read, all of them are one log; never more than a block of it is in memory, or one line.
"""

import heapq
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

import msgspec
from msgspec.structs import replace

from receiver.machine.clock import now_us
from receiver.machine.log_parts import Part, after_last_end, backwards, onwards, opened
from receiver.model.log_line import LogLine

_MOST_WITHOUT_TIME = 1000
"""So many lines in a row may take the time of the line before them, when they are read
backwards."""


class Place(NamedTuple):
    """Up to where a log was read."""

    inode: int
    offset: int
    at_us: int
    """The time of the last line before it."""


Positions = Mapping[str, Place | str]
"""Up to where each of several logs was read, by its key: a place in a file, or a cursor of the
journal."""


class Told(NamedTuple):
    """A line, and up to where its log was read with it."""

    line: LogLine
    key: str
    position: Place | str


class Log(Protocol):
    """What one part of the machine wrote about an app."""

    folders: tuple[Path, ...]
    """Where something changes when there is more to read."""

    def end(self) -> Positions:
        """Behind what is there now."""

    def before(self, positions: Positions | None, until_us: int | None = None) -> Iterator[LogLine]:
        """What is there, or was at these positions, newest first."""

    def after(self, positions: Positions) -> Iterator[Told]:
        """What came since, oldest first; ends where nothing more is there now."""

    def listen(self, wake: Callable[[], object]) -> None:
        """From now on, call `wake` when there is more that no folder tells of."""

    def close(self) -> None:
        """Listen no more."""


class FileLog(msgspec.Struct, frozen=True):
    """One log: a file and what was rotated away of it."""

    path: Path
    parse: Callable[[int, bytes], LogLine | None]
    """What a line is that begins at an offset. A time of 0 stands for that of the line before."""
    ended: bool = False
    """Whether nothing more is written: a last line without an end is complete then."""

    def end(self) -> Place:
        """Behind its last whole line."""
        with opened(self.path) as parts:
            if not parts:
                return Place(0, 0, 0)
            newest = parts[0]
            return Place(newest.inode, after_last_end(newest), now_us())

    def before(self, place: Place | None) -> Iterator[LogLine]:
        """Its lines, newest first; those before `place` where that is given."""
        with opened(self.path) as found:
            parts = found
            upto = parts[0].size if parts else 0
            if place is not None:
                parts = _from_place(found, place, self.parse) or []
                upto = place.offset
            yield from self._with_times(backwards(parts, upto), parts)

    def after(self, place: Place) -> Iterator[tuple[Place, LogLine]]:
        """Its lines behind `place`, oldest first, each with the place behind it."""
        return ((behind, line) for behind, line in self.read_on(place) if line is not None)

    def read_on(self, place: Place) -> Iterator[tuple[Place, LogLine | None]]:
        """The same with what is no line, such as those of other apps: that was read as well."""
        if self._is_at(place):
            return
        with opened(self.path) as parts:
            since = _from_place(parts, place, self.parse)
            # what is not there any more was rotated away, all of it: what is there tells by its
            # time whether it is new
            chosen = parts if since is None else parts[: parts.index(since[0]) + 1]
            start = 0 if since is None else place.offset
            last_us = 0
            for part, begin, end, raw in onwards(chosen[::-1], start, ended=self.ended):
                line = self.parse(begin, raw)
                if line is None:
                    yield Place(part.inode, end, last_us or place.at_us), None
                    continue
                fallback_us = part.written_us if since or not place.at_us else 0
                last_us = line.at_us or last_us or fallback_us
                if since or last_us > place.at_us:
                    yield Place(part.inode, end, last_us), _at(line, last_us)

    def _is_at(self, place: Place) -> bool:
        try:
            found = self.path.stat()
        except FileNotFoundError:
            return False  # in the middle of being rotated, it may be
        return (found.st_ino, found.st_size) == (place.inode, place.offset)

    def _with_times(
        self, lines: Iterable[tuple[int, bytes]], parts: Sequence[Part]
    ) -> Iterator[LogLine]:
        """Lines without a time get that of the line before, which comes after them."""
        waiting: list[LogLine] = []
        at_us = parts[0].written_us if parts else 0
        for offset, raw in lines:
            line = self.parse(offset, raw)
            if line is None:
                continue
            waiting.append(line)
            if line.at_us or len(waiting) > _MOST_WITHOUT_TIME:
                at_us = line.at_us or at_us
                yield from (_at(each, at_us) for each in waiting)
                waiting = []
        yield from (_at(each, at_us) for each in waiting)


class FileLogs:
    """Several logs of one kind, of which new ones may come."""

    def __init__(
        self, kind: str, find: Callable[[], Mapping[str, FileLog]], folders: tuple[Path, ...]
    ) -> None:
        self._kind = kind
        self._find = find
        self.folders = folders
        self._passed_over: dict[str, tuple[Place, Place]] = {}
        """By log, up to where nothing more was told behind a place."""

    def end(self) -> Positions:
        return {key: log.end() for key, log in self._logs()}

    def before(self, positions: Positions | None, until_us: int | None = None) -> Iterator[LogLine]:
        logs = [
            log.before(None if positions is None else _place(positions, key))
            for key, log in self._logs()
            if positions is None or key in positions
        ]
        merged = newest_first(logs)
        return (line for line in merged if until_us is None or line.at_us <= until_us)

    def after(self, positions: Positions) -> Iterator[Told]:
        return in_order([self._after(key, log, positions) for key, log in self._logs()])

    def _after(self, key: str, log: FileLog, positions: Positions) -> Iterator[Told]:
        place = _place(positions, key)
        told, passed_over = self._passed_over.get(key, (place, place))
        for behind, line in log.read_on(passed_over if told == place else place):
            if line is None:
                self._passed_over[key] = place, behind
            else:
                place = behind
                yield Told(line, key, behind)

    def listen(self, wake: Callable[[], object]) -> None:
        """The folders tell."""

    def close(self) -> None:
        """Nothing is open."""

    def _logs(self) -> Iterator[tuple[str, FileLog]]:
        return ((f"{self._kind}/{name}", log) for name, log in self._find().items())


def newest_first(logs: Iterable[Iterator[LogLine]]) -> Iterator[LogLine]:
    """One sequence of several, each of which has its newest line first."""
    return heapq.merge(*logs, key=lambda line: line.at_us, reverse=True)


def in_order(logs: Iterable[Iterator[Told]]) -> Iterator[Told]:
    """One sequence of several, each of which has its oldest line first."""
    return heapq.merge(*logs, key=lambda told: told.line.at_us)


def _at(line: LogLine, at_us: int) -> LogLine:
    return line if line.at_us == at_us else replace(line, at_us=at_us)


def _place(positions: Positions, key: str) -> Place:
    """Where a log was read to; its beginning where it was not there yet."""
    found = positions.get(key)
    return found if isinstance(found, Place) else Place(0, 0, 0)


def _from_place(
    parts: Sequence[Part], place: Place, parse: Callable[[int, bytes], LogLine | None]
) -> list[Part] | None:
    """The part that a place is in, and those before it; None where it is gone.

    The number of a file that was removed is given to another, which begins later than the place was
    made.
    """
    for number, part in enumerate(parts):
        if part.inode == place.inode and part.size >= place.offset:
            first = next((raw for _, _, _, raw in onwards([part], 0, ended=True)), None)
            line = None if first is None else parse(0, first)
            if line is not None and place.offset and line.at_us > place.at_us:
                return None
            return list(parts[number:])
    return None

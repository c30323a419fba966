"""The audit on disk: lines of JSON that are only ever added to, in numbered files of bounded
size, each line chained to the last.

A line is on the disk before what it tells of goes on. Nothing here removes or rewrites one.
"""

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from receiver.machine import files
from receiver.machine.clock import Clock
from receiver.model.audit import Line
from receiver.model.layout import Layout
from receiver.model.log_times import moment_us

SEGMENT_BYTES = 4 * 1024 * 1024
BEFORE_THE_FIRST = "0" * 64
_TAIL_BYTES = 64 * 1024
_SECOND_US = 1_000_000
_ENCODER = msgspec.json.Encoder(enc_hook=str)


class Entry(msgspec.Struct):
    """A change that is under way, and on record as begun."""

    layout: Layout
    clock: Clock
    line: Line
    trouble: Callable[[str], object]
    """Is told when the disk takes no line."""
    told: str = ""
    """What the change is, in its own words."""
    _open: bool = True

    def begin(self) -> "Entry":
        """Record that it begins."""
        self._add(self.line)
        return self

    def end(self, status: int, *, reason: str = "", release: str = "") -> None:
        """Record how it ended, once."""
        if not self._open:
            return
        self._open = False
        end = End(status, reason, ", ".join(filter(None, (self.told, release))))
        self._add(_ended(self.line, self.clock.stamp(), end))

    def hand_over(self) -> None:
        """Leave the end to another process, which was forked from this one."""
        self._open = False

    def _add(self, line: Line) -> None:
        note(self.layout, line, self.trouble)


class End(NamedTuple):
    """How a change ended."""

    status: int
    reason: str
    result: str


class Found(NamedTuple):
    """What a look at the whole chain came to."""

    lines: int
    torn: int
    """Lines that a power cut left half written."""
    first: int
    """Number of the first file."""
    head: str
    """Digest of the last line: who keeps it elsewhere can tell later whether all up to it is
    still there."""
    broken: tuple[str, ...]
    """Where a line does not follow from the one before."""
    seen: bool
    """Whether the digest that was asked for is that of a line."""


def new_id() -> str:
    """A name for a change."""
    return os.urandom(6).hex()


def note(layout: Layout, line: Line, trouble: Callable[[str], object]) -> None:
    """Add a line, or tell that the disk takes none: a full one must not keep anybody from what
    makes room on it.
    """
    try:
        append(layout, line)
    except OSError as error:
        trouble(f"The audit could not be written, and lacks this: {error.strerror}.")


def append(layout: Layout, line: Line) -> None:
    """Add a line; it is on the disk when this returns."""
    with _alone(layout):
        _append(layout, line)


def end_for(layout: Layout, change: str, at: str, end: End) -> None:
    """Record the end of a change whose process was killed, unless it did so itself.

    One of which no beginning is on record has no end either.

    Raises:
        OSError: the disk takes no line
    """
    with _alone(layout):
        newest = next((line for line in newest_first(layout) if line.id == change), None)
        if newest is not None and newest.event == "began":
            _append(layout, _ended(newest, at, end))


def segments(layout: Layout) -> list[Path]:
    """The files, oldest first."""
    return sorted(layout.audit.glob("[0-9]*.jsonl"))


def newest_first(layout: Layout) -> Iterator[Line]:
    """All lines, backwards; what is none is passed over."""
    for path in reversed(segments(layout)):
        for raw in reversed(path.read_bytes().splitlines()):
            line = parse(raw)
            if line is not None:
                yield line


def end_of(layout: Layout) -> tuple[str, int]:
    """Where the lines end now: the name of a file, and a place in it."""
    found = segments(layout)
    return (found[-1].name, found[-1].stat().st_size) if found else ("", 0)


def follow(layout: Layout, after: tuple[str, int], go_on: Callable[[], bool]) -> Iterator[Line]:
    """Lines that come behind a place, for as long as `go_on`, which waits a moment, says so."""
    name, offset = after
    while go_on():
        for path in segments(layout):
            if path.name < name:
                continue
            offset = offset if path.name == name else 0
            name, new = path.name, path.read_bytes()[offset:]
            whole = new[: new.rfind(b"\n") + 1]
            offset += len(whole)
            yield from filter(None, map(parse, whole.splitlines()))


def parse(raw: bytes) -> Line | None:
    """A line as it was written; None of one that a power cut tore."""
    try:
        return msgspec.json.decode(raw, type=Line)
    except msgspec.MsgspecError:
        return None


def moment(text: str) -> str:
    """A time, or a while ago, as the lines have it.

    Raises:
        UsageError: it is neither
    """
    now = datetime.now(UTC).timestamp()
    at_us = moment_us(text, "since", int(now * _SECOND_US))
    return datetime.fromtimestamp(at_us / _SECOND_US, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def verify(layout: Layout, known: str = "") -> Found:
    """Follow the chain from its beginning."""
    previous, lines, torn, broken, seen = "", 0, 0, [], False
    paths = segments(layout)
    for path in paths:
        for number, raw in enumerate(path.read_bytes().splitlines(), 1):
            line = parse(raw)
            torn += line is None
            if line is not None and line.previous != (previous or line.previous):
                broken.append(f"{path.name}, line {number}")
            lines, previous = lines + 1, _digest(raw)
            seen |= previous == known
    first = int(paths[0].stem) if paths else 1
    return Found(lines, torn, first, previous or BEFORE_THE_FIRST, tuple(broken), seen)


@contextmanager
def _alone(layout: Layout) -> Iterator[None]:
    if not layout.audit.is_dir():
        files.make_folder(layout.audit, mode=0o700)
    with files.locked_file(layout.audit / "lock"):
        yield


def _append(layout: Layout, line: Line) -> None:
    path = _segment(layout)
    fd = files.open_log(path)
    try:
        last, whole = _last_line(fd)
        chained = replace(line, previous=_digest(last) if last else _head_before(layout, path))
        text = (b"" if whole else b"\n") + _ENCODER.encode(chained) + b"\n"
        while text:  # a disk that takes a part of it says so at the rest
            text = text[os.write(fd, text) :]
        os.fsync(fd)
    finally:
        os.close(fd)
    if not last:
        files.sync_folder(layout.audit)


def _ended(began: Line, at: str, end: End) -> Line:
    status, reason, result = end
    return replace(
        began, at=at, event="ended", words=(), status=status, reason=reason, result=result
    )


def _segment(layout: Layout) -> Path:
    """The file that the next line belongs into."""
    found = segments(layout)
    if not found:
        return layout.audit / "000001.jsonl"
    newest = found[-1]
    if newest.stat().st_size < SEGMENT_BYTES:
        return newest
    return layout.audit / f"{int(newest.stem) + 1:06}.jsonl"


def _head_before(layout: Layout, path: Path) -> str:
    """Digest of the last line of the file before."""
    before = [each for each in segments(layout) if each.name < path.name]
    if not before:
        return BEFORE_THE_FIRST
    with before[-1].open("rb") as handle:
        return _digest(_last_line(handle.fileno())[0])


def _last_line(fd: int) -> tuple[bytes, bool]:
    """The last line of a file, and whether it has its end."""
    size = os.fstat(fd).st_size
    tail = os.pread(fd, _TAIL_BYTES, max(0, size - _TAIL_BYTES))
    return (tail.splitlines() or [b""])[-1], not tail or tail.endswith(b"\n")


def _digest(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()

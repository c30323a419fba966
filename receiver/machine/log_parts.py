"""The parts of a rotated log as bytes: opened together, and split into lines backwards and
onwards.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path

import msgspec

_BLOCK_BYTES = 32 * 1024
_LONGEST_LINE_BYTES = 256 * 1024
"""A longer one is shown in pieces."""


class Part(msgspec.Struct, frozen=True):
    fd: int
    inode: int
    size: int
    written_us: int


@contextmanager
def opened(path: Path) -> Iterator[list[Part]]:
    """All parts of a log, newest first.

    One that is renamed meanwhile is met again, and none is missed.
    """
    with ExitStack() as stack:
        parts: dict[int, Part] = {}
        for number in count():
            name = path if number == 0 else path.with_name(f"{path.name}.{number}")
            try:
                fd = os.open(name, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
            except FileNotFoundError:
                if number:
                    break
                continue  # in the middle of being rotated
            stack.callback(os.close, fd)
            found = os.fstat(fd)
            part = Part(fd, found.st_ino, found.st_size, found.st_mtime_ns // 1000)
            parts.setdefault(part.inode, part)
        yield list(parts.values())


def newest_first(path: Path) -> Iterator[bytes]:
    """All lines of a log, the last first."""
    with opened(path) as parts:
        yield from (line for _, line in backwards(parts, parts[0].size if parts else 0))


def after_last_end(part: Part) -> int:
    """The offset behind the last line that has an end."""
    for offset in range(part.size, 0, -_BLOCK_BYTES):
        begin = max(0, offset - _BLOCK_BYTES)
        found = os.pread(part.fd, offset - begin, begin).rfind(b"\n")
        if found >= 0:
            return begin + found + 1
    return 0


def backwards(parts: Sequence[Part], upto: int) -> Iterator[tuple[int, bytes]]:
    """Lines from the end of the first part to the beginning of the last, with the offsets where
    they begin.
    """
    rest: bytes | None = None
    for number, part in enumerate(parts):
        end = upto if number == 0 else part.size
        while end > 0:
            begin = max(0, end - _BLOCK_BYTES)
            block = os.pread(part.fd, end - begin, begin)
            end = begin
            if rest is None:  # the end of the last line begins no other
                block = block.removesuffix(b"\n")
            first, *lines = (block + (rest or b"")).split(b"\n")
            offset = begin + len(block) + len(rest or b"")
            for line in reversed(lines):
                offset -= len(line)
                yield offset, line
                offset -= 1
            rest = first
            if len(rest) > _LONGEST_LINE_BYTES:
                yield begin, rest
                rest = b""
    if rest is not None:
        yield 0, rest


def onwards(
    parts: Sequence[Part], start: int, *, ended: bool
) -> Iterator[tuple[Part, int, int, bytes]]:
    """Whole lines from an offset of the first part to the end of the last: the part that each
    ends in, and offsets.
    """
    rest, offset = b"", start
    for number, part in enumerate(parts):
        offset = 0 if number else start
        while block := os.pread(part.fd, _BLOCK_BYTES, offset):
            begin = offset - len(rest)
            offset += len(block)
            *lines, rest = (rest + block).split(b"\n")
            for line in lines:
                yield part, begin, begin + len(line) + 1, line
                begin += len(line) + 1
            if len(rest) > _LONGEST_LINE_BYTES:
                yield part, begin, offset, rest
                rest = b""
    if ended and rest:
        yield parts[-1], offset - len(rest), offset, rest

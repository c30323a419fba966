"""Writes objects into a git pack, one after the other, each file piece by piece."""

import hashlib
import zlib
from collections.abc import Iterable
from typing import IO

COMMIT, TREE, BLOB = 1, 2, 3
_NAMES = {COMMIT: b"commit", TREE: b"tree", BLOB: b"blob"}
_CHUNK_BYTES = 1 << 20
_COUNT_AT = 8


class PackWriter:
    """A pack in a file that can be written anywhere; `finish` makes it whole."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._written: set[str] = set()
        file.write(b"PACK" + (2).to_bytes(4) + (0).to_bytes(4))

    def add(self, kind: int, size: int, chunks: Iterable[bytes]) -> str:
        """Write an object of so many bytes, unless it is there; returns its id."""
        begin = self._file.tell()
        digest = hashlib.sha1(_NAMES[kind] + b" %d\0" % size, usedforsecurity=False)
        packer = zlib.compressobj()
        self._file.write(_head(kind, size))
        for chunk in chunks:
            digest.update(chunk)
            self._file.write(packer.compress(chunk))
        self._file.write(packer.flush())
        name = digest.hexdigest()
        if name in self._written:
            self._file.seek(begin)
            self._file.truncate()
        self._written.add(name)
        return name

    def finish(self) -> None:
        """Write how many there are, and the digest of it all; the file stands at its start."""
        self._file.seek(_COUNT_AT)
        self._file.write(len(self._written).to_bytes(4))
        self._file.seek(0)
        digest = hashlib.sha1(usedforsecurity=False)
        while chunk := self._file.read(_CHUNK_BYTES):
            digest.update(chunk)
        self._file.write(digest.digest())
        self._file.flush()
        self._file.seek(0)


def _head(kind: int, size: int) -> bytes:
    """Kind and size of an object: four bits of the size, then seven a byte."""
    first, rest = size & 0x0F, size >> 4
    head = [kind << 4 | first]
    while rest:
        head[-1] |= 0x80
        head.append(rest & 0x7F)
        rest >>= 7
    return bytes(head)

"""What `nginx -T` prints, taken apart: which files nginx reads, and what they say of names and
certificates. Pure.
"""

import re
from typing import NamedTuple

from receiver.model.patterns import regex

_FILE = regex(r"^# configuration file (/.+):$", re.MULTILINE)
_PART = regex(r'"(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\'|#[^\n]*|[{};]|[^\s{};"\']+')
_CONFLICT = regex(r'conflicting server name "([^"]+)" on (\S+), ignored')


class ServerBlock(NamedTuple):
    """One `server { }`, as far as doctor asks for it."""

    file: str
    listens: tuple[str, ...]
    names: tuple[str, ...]
    certificate: str | None
    key: str | None


def read_files(dump: str) -> dict[str, str]:
    """The files that nginx reads, by path, each with its text."""
    parts = _FILE.split(dump)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def server_blocks(dump: str) -> tuple[ServerBlock, ...]:
    """All servers of all files."""
    return tuple(block for path, text in read_files(dump).items() for block in _blocks(path, text))


def conflicts(dump: str) -> tuple[tuple[str, str], ...]:
    """Host names that two servers of one address claim, and that address: the first one gets all
    visitors.
    """
    return tuple(dict.fromkeys(_CONFLICT.findall(dump)))


def depth_of(text: str) -> int:
    """How many more blocks a piece of a file opens than it closes."""
    parts = _PART.findall(text)
    return int(parts.count("{")) - int(parts.count("}"))


class _Reader:
    """Goes through one file, part by part, and keeps the statements that stand in a `server`
    itself.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.found: list[ServerBlock] = []
        self._statement: list[str] = []
        self._lines: list[list[str]] | None = None
        self._depth = self._opened_at = 0

    def take(self, part: str) -> None:
        if part == "{":
            self._open()
        elif part == "}":
            self._close()
        elif part == ";":
            if self._lines is not None and self._depth == self._opened_at:
                self._lines.append(self._statement)
        else:
            self._statement.append(part.strip("\"'"))
            return
        self._statement = []

    def _open(self) -> None:
        self._depth += 1
        if self._statement == ["server"] and self._lines is None:
            self._lines, self._opened_at = [], self._depth

    def _close(self) -> None:
        if self._lines is not None and self._depth == self._opened_at:
            self.found.append(_block(self.path, self._lines))
            self._lines = None
        self._depth -= 1


def _blocks(path: str, text: str) -> list[ServerBlock]:
    reader = _Reader(path)
    for part in _PART.findall(text):
        if not part.startswith("#"):
            reader.take(part)
    return reader.found


def _block(path: str, lines: list[list[str]]) -> ServerBlock:
    def values(name: str) -> list[str]:
        return [" ".join(line[1:]) for line in lines if line[:1] == [name]]

    names = tuple(word for value in values("server_name") for word in value.split())
    certificates, keys = values("ssl_certificate"), values("ssl_certificate_key")
    return ServerBlock(
        file=path,
        listens=tuple(values("listen")),
        names=names,
        certificate=certificates[0] if certificates else None,
        key=keys[0] if keys else None,
    )

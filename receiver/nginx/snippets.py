"""The operator's own lines for an app's server block: files that Ship reads and never writes.

Their text becomes part of nginx's file of the app, in a change that nginx tests. So a mistake in
one is found by the app that it is for, and a later one in the file breaks nothing that runs.
"""

from pathlib import Path

import msgspec

from receiver.nginx.dump import depth_of

_BEGIN, _END = "# begin ", "# end "


class Snippet(msgspec.Struct, frozen=True):
    """One such file."""

    path: str
    text: str

    @property
    def lines(self) -> tuple[str, ...]:
        """As they stand in nginx's file, between two that tell where they come from."""
        return (f"{_BEGIN}{self.path}", *self.text.splitlines(), f"{_END}{self.path}")


class Place(msgspec.Struct, frozen=True):
    """A line of a snippet."""

    path: str
    line: int | None
    """Counted from 1; None where it is not known."""


def read(folder: Path) -> tuple[Snippet, ...]:
    """All files of a folder, in the order of their names; none where there is no folder."""
    return tuple(
        Snippet(str(path), path.read_text(encoding="utf-8", errors="replace"))
        for path in sorted(folder.glob("*.conf"))
        if path.is_file()
    )


def found_in(text: str) -> tuple[Snippet, ...]:
    """The snippets that nginx's file of an app was made with."""
    found: list[Snippet] = []
    lines: list[str] = []
    path = ""
    for line in text.splitlines():
        if not path and line.startswith(_BEGIN):
            path, lines = line.removeprefix(_BEGIN), []
        elif path and line == f"{_END}{path}":
            found.append(Snippet(path, "\n".join(lines)))
            path = ""
        elif path:
            lines.append(line)
    return tuple(dict.fromkeys(found))


def at_line(text: str, number: int) -> Place | None:
    """Where a line of nginx's file of an app comes from; None for one that is Ship's own, unless
    a snippet before it opens or closes more blocks than it should.
    """
    path, began = "", 0
    for count, line in enumerate(text.splitlines()[:number], 1):
        if not path and line.startswith(_BEGIN):
            path, began = line.removeprefix(_BEGIN), count
        elif path and line == f"{_END}{path}":
            path = ""
    if path:
        return Place(path, number - began)
    unbalanced = (it.path for it in found_in(text) if depth_of(it.text))
    return next((Place(path, None) for path in unbalanced), None)

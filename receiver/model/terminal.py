"""The one filter for what did not come from ship: build output, logs, names, exceptions.

A terminal obeys what it is sent, and whoever pushes or writes a log chooses what that is. Colours
stay; all else that is an order to a terminal is shown, as `less -R` shows it. Pure.
"""

import re
from collections.abc import Callable
from typing import Final

from receiver.model.patterns import regex

_ORDER = regex(
    "(?P<colour>\x1b\\[[0-9;:]*m)"
    # what stands for no letter, C1 among it, also as bytes that are no UTF-8; and what turns the
    # order of letters round
    "|[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\udc80-\udc9f]"
)
_PLAIN = "\x1b[0m"
_ENDS = (_PLAIN, "\x1b[m")
_ASCII: Final = 0x80
_BYTES: Final = 0xDC00
_LONGEST_LINE_BYTES = 64 * 1024


def harmless(line: str, *, colours: bool = True) -> str:
    """A line with control characters made visible, such as ^G; colours end where it does."""
    if line.isprintable():
        return line
    last = ""

    def shown(found: re.Match[str]) -> str:
        nonlocal last
        if not found["colour"]:
            return _shown(ord(found[0]))
        last = found[0] if colours else ""
        return last

    text = _ORDER.sub(shown, line)
    return text + _PLAIN if last and last not in _ENDS else text


def harmless_lines(text: str, *, colours: bool = True) -> str:
    """The same of a text of several lines."""
    return "\n".join(harmless(line, colours=colours) for line in text.split("\n"))


def harmless_bytes(line: bytes, *, colours: bool = True) -> bytes:
    """The same of a line of bytes; those that are no UTF-8 stay what they are."""
    text = line.rstrip(b"\r").decode("utf-8", "surrogateescape")
    return harmless(text, colours=colours).encode("utf-8", "surrogateescape")


def last_of_rewrites(line: bytes) -> bytes:
    """What a terminal would show of a line that was rewritten by carriage returns."""
    return line.rstrip(b"\r").rpartition(b"\r")[2]


class Filter:
    """Hands a stream on line by line, each harmless; of a progress bar, what it ends with."""

    def __init__(self, sink: Callable[[bytes], object]) -> None:
        self._sink = sink
        self._partial = b""

    def __call__(self, chunk: bytes) -> None:
        *lines, self._partial = (self._partial + chunk).split(b"\n")
        if lines:
            self._sink(b"".join(self._line(line) + b"\n" for line in lines))
        if len(self._partial) > _LONGEST_LINE_BYTES:
            self.end()

    def end(self) -> None:
        """Hand on a last line without an end."""
        if self._partial:
            self._sink(self._line(self._partial))
            self._partial = b""

    def _line(self, line: bytes) -> bytes:
        return harmless_bytes(last_of_rewrites(line))


def harmless_json(text: str) -> str:
    """JSON with escapes for what a terminal would obey: it can stand in strings alone."""
    return _IN_JSON.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


_IN_JSON = regex("[\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


def _shown(code: int) -> str:
    if code < _ASCII:
        return f"^{chr(code ^ 0x40)}"
    return f"<{code - _BYTES if code >= _BYTES else code:02x}>"

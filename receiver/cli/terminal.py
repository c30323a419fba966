"""What others wrote, as a terminal can show it: apps choose what is in their logs, and a
terminal obeys what it is sent.
"""

import re

_COMMAND = re.compile(rb"(?P<colour>\x1b\[[0-9;:]*m)|[\x00-\x08\x0a-\x1f\x7f]|\xc2[\x80-\x9f]")


def printable(text: str) -> str:
    """A text with ? for what a terminal would take for an order."""
    return "".join(each if each.isprintable() else "?" for each in text)


def harmless(text: bytes, *, colours: bool) -> bytes:
    """A line with control characters as `less -R` shows them, such as ^G; colours stay where
    they are wanted.
    """

    def shown(found: re.Match[bytes]) -> bytes:
        if found["colour"]:
            return found["colour"] if colours else b""
        code = found[0][-1]
        return b"^%c" % (code ^ 0x40) if code < 0x80 else b"<%02x>" % code  # noqa: PLR2004 - ASCII ends there

    return _COMMAND.sub(shown, text.rstrip(b"\r"))

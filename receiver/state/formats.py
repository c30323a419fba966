"""The format of what is on disk, as a number: a Ship that is older than it refuses in words, and
changes nothing that it might not understand.
"""

import re
from pathlib import Path

from receiver.machine import files
from receiver.model.errors import ServerError
from receiver.model.layout import Layout
from receiver.model.patterns import regex

FORMAT = 1
"""That of this Ship. Raise it with a change of records that the Ship before it would misread; what
only adds to them needs no other number.
"""
_OWN = regex(r"^FORMAT = (\d+)$", re.MULTILINE)


def refuse_newer(layout: Layout, known: int = FORMAT) -> None:
    """Refuse what a newer Ship has written.

    Raises:
        ServerError: it has
    """
    there = _there(layout)
    if there > known:
        raise ServerError(
            "The files of this server are from a newer Ship.",
            detail=f"{layout.format} says format {there}; this Ship knows {known} at most.",
            advice="Install the newer Ship again, or restore a backup of /var/lib/ship and "
            "/etc/ship from before it. Nothing was changed.",
            reason="server/newer-state",
        )


def of_sources(folder: Path) -> int:
    """The format that the Ship in a folder of sources knows; 1 where it is from before formats."""
    text = files.read_text(folder / "receiver" / "state" / Path(__file__).name) or ""
    found = _OWN.search(text)
    return int(found[1]) if found else 1


def note(layout: Layout, known: int = FORMAT) -> None:
    """Write down that what is there has been brought to this format."""
    if files.read_text(layout.format) is None or _there(layout) < known:
        files.write_atomically(layout.format, f"{known}\n", mode=0o644)


def _there(layout: Layout) -> int:
    """The format of what is there; 1 where nothing says so, as before there were formats."""
    text = (files.read_text(layout.format) or "1").strip()
    return int(text) if text.isdecimal() else 1

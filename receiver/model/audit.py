"""A line of the audit: who did what when, from where, and what came of it.

Never a value of a config var.
"""

from typing import Literal

import msgspec

Event = Literal["began", "ended", "refused"]
_LONGEST_WORD = 300
_LONGEST_WORDS = 2000


class Line(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename={"address": "from"}
):
    """What is recorded at the beginning of a change, at its end, or of one that was refused."""

    at: str
    id: str
    """The same of a beginning and its end."""
    event: Event
    command: str
    key: str | None = None
    """None: somebody on the server itself, who needs none."""
    user: str = ""
    """Who that was."""
    address: str = ""
    app: str | None = None
    words: tuple[str, ...] = ()
    status: int | None = None
    """Exit code, of an end."""
    reason: str = ""
    """Of an error."""
    result: str = ""
    """What a change was, in its own words, and which release came of it."""
    previous: str = ""
    """SHA-256 of the line before, which makes a chain of them."""

    @property
    def who(self) -> str:
        """Key or user."""
        return self.key or self.user


def shortened(words: list[str]) -> tuple[str, ...]:
    """Words as they are recorded: so many that a line stays one."""
    kept, room = [], _LONGEST_WORDS
    for typed in words:
        # bytes that are no text are told by their numbers
        word = typed.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
        kept.append(word if len(word) <= _LONGEST_WORD else word[:_LONGEST_WORD] + "…")
        room -= len(kept[-1])
        if room < 0:
            return (*kept[:-1], "…")
    return tuple(kept)

"""Decides when a log of nginx's is put aside, and when what was put aside goes. Pure."""

from datetime import UTC, datetime, timedelta

from receiver.model.patterns import regex

KEPT = 4
"""Files put aside of each log."""
_BEGUN = regex(rb'\{"at":"(\d{1,12})|(\d{4})[-/](\d\d)[-/](\d\d)')
"""The first line of an access log and of an error log; nginx writes the second in the machine's
own time."""


def is_due(size: int, head: bytes, now: datetime, *, most_bytes: int, days: int) -> bool:
    """Whether a log that begins with `head` is put aside: it is large, or has held lines for a
    part of their time.
    """
    begun = _begun(head)
    # so that the oldest of the files goes soon after its last line is too old
    return size > most_bytes or (begun is not None and now - begun > timedelta(days=days) / KEPT)


def is_over(written: datetime, now: datetime, *, days: int) -> bool:
    """Whether the last line of a file that was put aside is too old."""
    return now - written > timedelta(days=days)


def _begun(head: bytes) -> datetime | None:
    """When a log was begun, to the day."""
    found = _BEGUN.match(head)
    if found is None:
        return None
    try:
        if found[1]:
            return datetime.fromtimestamp(int(found[1]), UTC)
        return datetime(int(found[2]), int(found[3]), int(found[4]), tzinfo=UTC)
    except (ValueError, OverflowError):
        return None

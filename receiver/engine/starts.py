"""How often in a row a process has ended soon after its start, by what runtime/launch.py noted.

The note lies in a folder of the app's own: whatever the app writes there is no more than a word of
its own.
"""

from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from receiver.health import workers

Moment = Annotated[float, Meta(ge=0, le=253_402_300_799)]
"""Seconds since 1970, up to the year 9999: others have no date."""


class Starts(msgspec.Struct, frozen=True, kw_only=True):
    """What is noted of the starts of one process."""

    ends: int
    """How often in a row it has ended soon after its start."""
    since: Moment
    """When it did for the first time."""
    began: Moment
    """When it was started last, or will be."""
    why: str = ""
    """Of web, the last line of what a worker said that could not start."""
    served: bool = False
    """Of web, whether it had served before it ended last."""


def failed_starts(run: Path, pid: int) -> Starts | None:
    """How a process that ends again and again does so; None for one that does not.

    Args:
        run: its run folder
        pid: 0 where it has ended and is about to be started again: that end is not noted yet
    """
    text = workers.starts(run)
    try:
        found = None if text is None else msgspec.json.decode(text, type=Starts)
    except msgspec.DecodeError:
        return None
    if found is None or pid:
        return found if found and found.ends else None
    since = found.since if found.ends else found.began
    return msgspec.structs.replace(found, ends=found.ends + 1, since=since)

"""One line of an app's log, whoever wrote it."""

from dataclasses import dataclass
from typing import Literal

Source = Literal["app", "router", "build", "release", "cron", "ship"]
"""`app`: a process of the app, runs of people included; `router`: nginx; `build` and `release`: the transcripts
of a push and of its release phase; `cron`: runs of cron jobs; `ship`: what was done to the app, and by whom."""


@dataclass(frozen=True, slots=True, order=True)
class LogLine:
    """What one line says, and where it comes from; ordered by time."""

    at_us: int
    """Microseconds since 1970, UTC."""
    source: Source
    process: str
    """`web`, `worker.1`, `run.12`, `nginx`, `v12`; names are unique within a source."""
    text: bytes
    """As it was written, without its end."""

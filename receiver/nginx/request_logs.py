"""nginx's logs of requests as files: put aside when they are large or old."""

import os
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from receiver.machine import files
from receiver.machine.clock import SYSTEM_CLOCK, Clock
from receiver.model.layout import Layout
from receiver.model.settings import Server
from receiver.nginx import program as nginx
from receiver.nginx.log_places import LogPlaces
from receiver.nginx.rotation import KEPT, is_due, is_over

_MIB = 1024 * 1024
_HEAD_BYTES = 64


def rotate(
    layout: Layout, settings: Server, places: LogPlaces, clock: Clock = SYSTEM_CLOCK
) -> list[Path]:
    """Put aside what is large or old, remove what is too old, and have nginx begin anew; the
    logs that were put aside.

    A file that is renamed goes on being written until nginx has been told: no line is lost.
    """
    now = datetime.fromisoformat(clock.stamp())
    with files.locked_file(layout.state / "rotation.lock"):
        logs = sorted(_begun(places.files()))
        due = [log for log in logs if _is_due(log, settings, now)]
        for log in due:
            _put_aside(log)
        for log in logs:
            _forget(log, settings, now)
        # also after an end in between: what has its name no more was put aside, and nginx not told
        if any(_aside(log, 1).exists() and not log.exists() for log in logs):
            nginx.reopen_logs(layout)
    return due


def _begun(found: Iterable[Path]) -> set[Path]:
    """The logs themselves, also those of which there is only what was put aside."""
    return {log.with_name(f"{log.name.partition('.log')[0]}.log") for log in found}


def _is_due(log: Path, settings: Server, now: datetime) -> bool:
    try:
        with log.open("rb") as handle:
            head, size = handle.read(_HEAD_BYTES), os.fstat(handle.fileno()).st_size
    except FileNotFoundError:
        return False
    most = settings.request_log_mb * _MIB
    return is_due(size, head, now, most_bytes=most, days=settings.request_log_days)


def _put_aside(log: Path) -> None:
    for number in range(KEPT - 1, 0, -1):
        with suppress(FileNotFoundError):
            _aside(log, number).rename(_aside(log, number + 1))
    log.rename(_aside(log, 1))


def _forget(log: Path, settings: Server, now: datetime) -> None:
    for number in range(1, KEPT + 1):
        part = _aside(log, number)
        with suppress(FileNotFoundError):
            written = datetime.fromtimestamp(part.stat().st_mtime, UTC)
            # where nginx was not told yet, it still writes the file
            if log.exists() and is_over(written, now, days=settings.request_log_days):
                part.unlink()


def _aside(log: Path, number: int) -> Path:
    return log.with_name(f"{log.name}.{number}")

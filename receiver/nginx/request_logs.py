"""nginx's logs of apps as files: put aside when they are large or old, renamed and removed with
their app.
"""

import grp
import os
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from receiver.machine import files
from receiver.machine.clock import SYSTEM_CLOCK, Clock
from receiver.model.layout import Layout
from receiver.model.names import AppName
from receiver.model.settings import Server
from receiver.nginx import program as nginx
from receiver.nginx.rotation import KEPT, is_due, is_over
from receiver.nginx.sites import SYSTEM_LOGS
from receiver.state import records

_MIB = 1024 * 1024
_HEAD_BYTES = 64
NGINX_GROUP = "www-data"
_BEFORE = Path("/var/log/nginx")
"""Where an older ship had them."""


def make_folder() -> None:
    """The folder on a VPS: nginx's workers open the files again by their names, apps cannot."""
    files.make_folder(SYSTEM_LOGS, mode=0o750, uid=0, gid=grp.getgrnam(NGINX_GROUP).gr_gid)


def rotate(layout: Layout, settings: Server, clock: Clock = SYSTEM_CLOCK) -> list[Path]:
    """Put aside what is large or old, remove what is too old, and have nginx begin anew; the
    logs that were put aside.

    A file that is renamed goes on being written until nginx has been told: no line is lost.
    """
    now = datetime.fromisoformat(clock.stamp())
    with files.locked_file(layout.state / "rotation.lock"):
        logs = sorted(_all(layout, settings))
        due = [log for log in logs if _is_due(log, settings, now)]
        for log in due:
            _put_aside(log)
        for log in logs:
            _forget(log, settings, now)
        # also after an end in between: what has its name no more was put aside, and nginx not told
        if any(_aside(log, 1).exists() and not log.exists() for log in logs):
            nginx.reopen_logs(layout)
    return due


def remove(app: AppName) -> None:
    """Remove the logs of an app on a VPS; elsewhere they lie in its own folder."""
    for folder in (SYSTEM_LOGS, _BEFORE):
        for log in folder.glob(f"ship-{app}.*"):
            files.remove(log)


def rename(was: AppName, name: AppName) -> None:
    """Have the logs of an app on a VPS bear its new name."""
    for log in SYSTEM_LOGS.glob(f"ship-{was}.*"):
        log.rename(log.with_name(f"ship-{name}.{log.name.partition('.')[2]}"))


def _all(layout: Layout, settings: Server) -> Iterator[Path]:
    """All logs of nginx that ship has it write, also those of which there is only what was put
    aside.
    """
    if settings.host == "systemd":
        found = list(SYSTEM_LOGS.glob("*.log*"))
    else:
        found = list(layout.sites_available.parent.joinpath("logs").glob("*.log*"))
        for app in records.app_names(layout):
            found += layout.app(app).logs.glob("nginx.*.log*")
    yield from {log.with_name(f"{log.name.partition('.log')[0]}.log") for log in found}


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

"""What people did to an app besides pushing to it, as lines of its log: read from the audit."""

from collections.abc import Mapping
from datetime import datetime
from functools import partial

from receiver.access import audit
from receiver.machine.log_files import FileLog, FileLogs
from receiver.model.audit import Line
from receiver.model.catalogue import COMMANDS
from receiver.model.layout import Layout
from receiver.model.log_line import LogLine, microseconds
from receiver.model.names import AppName
from receiver.state import records


def deeds(layout: Layout, app: AppName) -> FileLogs:
    """The commands that were given for an app."""
    folders = (layout.audit,) if layout.audit.is_dir() else ()
    return FileLogs("audit", partial(_find, layout, app), folders)


def _find(layout: Layout, app: AppName) -> Mapping[str, FileLog]:
    # what is older, or as old, was done to one that had the name before
    parse = partial(_parse, app, f'"app":"{app}"'.encode(), records.created_us(layout.app(app)))
    return {path.stem: FileLog(path, parse) for path in audit.segments(layout)}


def _parse(app: AppName, mark: bytes, since_us: int, _offset: int, raw: bytes) -> LogLine | None:
    line = audit.parse(raw) if mark in raw else None  # most lines are of others
    text = _text(line) if line is not None and line.app == app else ""
    at_us = microseconds(datetime.fromisoformat(line.at)) if line is not None and text else 0
    return LogLine(at_us, "ship", "", text.encode()) if at_us > since_us else None


def _text(line: Line) -> str:
    """What a line of the audit comes to in a log: a command with its words, and once more if it
    failed.
    """
    row = COMMANDS.get(line.command)
    if row is None or not row.in_log:
        return ""
    if line.event == "began":
        return f"{' '.join((line.command, *line.words))} (by {line.who})"
    if line.status:
        how = "was refused" if line.event == "refused" else "failed"
        return f"{line.command} {how}: {line.reason or line.status} (by {line.who})"
    return ""

"""What nginx wrote about an app's requests, as lines of the app's log."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from receiver.machine.log_files import FileLog, FileLogs
from receiver.model.layout import Layout
from receiver.model.log_line import LogLine
from receiver.model.names import AppName
from receiver.model.settings import Server
from receiver.nginx.router_lines import parse
from receiver.nginx.sites import Front
from receiver.state.release_times import LIVE, ReleaseTimes

_KINDS = ("access",)


def router_log(layout: Layout, settings: Server, app: AppName) -> FileLogs:
    """Its requests, those that failed with the reason."""
    front = Front(layout, settings, ipv6=False)
    releases = ReleaseTimes(layout.app(app))
    logs: Mapping[str, FileLog] = {
        kind: FileLog(front.log(app, kind), partial(_parse, releases)) for kind in _KINDS
    }
    return FileLogs("router", lambda: logs, (front.log(app, "access").parent,))


def _parse(releases: ReleaseTimes, _offset: int, raw: bytes) -> LogLine | None:
    line = parse(raw)
    return line and replace(line, release=releases.at(LIVE, line.at_us))

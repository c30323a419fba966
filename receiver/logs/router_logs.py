"""What nginx wrote about an app's requests, as lines of the app's log."""

from collections.abc import Mapping
from functools import partial

from msgspec.structs import replace

from receiver.machine.log_files import FileLog, FileLogs
from receiver.model.log_line import LogLine
from receiver.model.names import AppName
from receiver.nginx.log_places import Kind
from receiver.nginx.router_lines import parse
from receiver.server import Server
from receiver.state.release_times import LIVE, ReleaseTimes

_KINDS: tuple[Kind, ...] = ("access",)


def router_log(server: Server, app: AppName) -> FileLogs:
    """Its requests, those that failed with the reason."""
    places, releases = server.host.request_logs, ReleaseTimes(server.layout.app(app))
    logs: Mapping[str, FileLog] = {
        kind: FileLog(places.of(app, kind), partial(_parse, releases)) for kind in _KINDS
    }
    return FileLogs("router", lambda: logs, (places.of(app, "access").parent,))


def _parse(releases: ReleaseTimes, _offset: int, raw: bytes) -> LogLine | None:
    line = parse(raw)
    return line and replace(line, release=releases.at(LIVE, line.at_us))

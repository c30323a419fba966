"""Writes lines of a log down as receivers of logs expect them. Pure."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime

from receiver.model.log_line import LogLine

PRIORITY = 190
"""Facility local7, severity info, as Heroku gives an app's lines."""
_LONGEST_BYTES = 64 * 1024
_LONGEST_DATAGRAM = 8 * 1024
_NOTHING = "-"


def syslog(line: LogLine, host: str) -> bytes:
    """A message of RFC 5424: HOSTNAME is the app's, APP-NAME the source, PROCID the process."""
    return f"{_head(line, host)} - - ".encode() + line.text[:_LONGEST_BYTES]


def datagram(line: LogLine, host: str) -> bytes:
    """A message that fits into one datagram."""
    return syslog(line, host)[:_LONGEST_DATAGRAM]


def counted(message: bytes) -> bytes:
    """A message in a stream, with its length before it (RFC 6587, octet counting)."""
    return b"%d %s" % (len(message), message)


def logplex(lines: Sequence[LogLine], host: str) -> bytes:
    """What Heroku sends: counted messages that lack the field for structured data."""
    return b"".join(
        counted(f"{_head(line, host)} - ".encode() + line.text[:_LONGEST_BYTES] + b"\n")
        for line in lines
    )


def json_lines(lines: Sequence[LogLine], app: str) -> bytes:
    """An object on each line."""
    return b"".join(
        json.dumps(
            {
                "time": _time(line),
                "app": app,
                "source": line.source,
                "process": line.process,
                "message": line.text[:_LONGEST_BYTES].decode("utf-8", "replace"),
            }
        ).encode()
        + b"\n"
        for line in lines
    )


def _head(line: LogLine, host: str) -> str:
    return f"<{PRIORITY}>1 {_time(line)} {host} {line.source} {line.process or _NOTHING}"


def _time(line: LogLine) -> str:
    seconds, rest = divmod(line.at_us, 1_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:06}Z"

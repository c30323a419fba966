"""Connections to unix sockets; HTTP over them is `unix_http`'s."""

import socket
from pathlib import Path


def connected(path: Path | str, limit_s: float | None) -> socket.socket:
    """A connection to what listens at `path`; no single read or write of it takes longer than
    the limit.

    Raises:
        OSError: nothing listens there
    """
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(limit_s)
    try:
        connection.connect(str(path))
    except OSError:
        connection.close()
        raise
    return connection

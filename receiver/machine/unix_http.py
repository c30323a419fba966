"""HTTP over a unix socket."""

import http.client
from pathlib import Path

from receiver.machine.unix_sockets import connected


class UnixConnection(http.client.HTTPConnection):
    """A connection to the server that listens at `path`."""

    def __init__(self, path: Path | str, *, limit_s: float) -> None:
        super().__init__("localhost", timeout=limit_s)
        self._path = path

    def connect(self) -> None:
        self.sock = connected(self._path, self.timeout)

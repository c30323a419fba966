"""Receivers of logs for the tests: rsyslog, and servers of HTTP, TCP and UDP that keep what they
are sent."""

import http.server
import re
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Self

from tests.embedded.embedded_server import wait_until
from tests.needs import require_program
from tests.ports import free_port

_RSYSLOG = """
module(load="imtcp")
module(load="imudp")
input(type="imtcp" address="127.0.0.1" port="{port}")
input(type="imudp" address="127.0.0.1" port="{port}")
template(name="seen" type="string"
  string="%HOSTNAME%|%APP-NAME%|%PROCID%|%syslogfacility-text%.\
%syslogseverity-text%|%msg%\\n")
action(type="omfile" file="{log}" template="seen")
"""


@contextmanager
def rsyslog(folder: Path) -> Iterator[tuple[int, Path]]:
    """A real rsyslogd on a port of its own; what it took is in the file."""
    program = require_program("rsyslogd")
    port, log = free_port(), folder / "rsyslog.log"
    log.touch()
    config = folder / "rsyslog.conf"
    config.write_text(_RSYSLOG.format(port=port, log=log))
    running = subprocess.Popen(
        (program, "-n", "-f", config, "-i", folder / "rsyslog.pid"), stdin=subprocess.DEVNULL
    )
    try:
        wait_until(lambda: _listens(port))
        yield port, log
    finally:
        running.terminate()
        running.wait(20)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class HttpReceiver:
    """A service that takes batches over HTTP, or answers with another status."""

    def __init__(self, port: int, context: ssl.SSLContext | None = None) -> None:
        self.bodies: list[bytes] = []
        self.heads: list[dict[str, str]] = []
        self.status = 200
        self.open: list[socket.socket] = []
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                super().setup()
                receiver.open.append(self.connection)

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if receiver.status == 200:
                    receiver.bodies.append(body)
                    receiver.heads.append({"path": self.path, **self.headers})
                self.send_response(receiver.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Nothing."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self._server.block_on_close = False
        if context is not None:
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    @property
    def text(self) -> str:
        return b"".join(self.bodies).decode()

    def paths(self) -> list[str]:
        """The addresses in the lines of requests that came, in order."""
        return re.findall(r"GET (/\S*) ", self.text)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        for connection in self.open:
            with suppress(OSError):  # the other side has hung up
                connection.shutdown(socket.SHUT_RDWR)
        self._server.server_close()
        self._thread.join()

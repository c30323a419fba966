"""What visitors of `ship local` read while the web process is down: a page with the reason,
which looks again by itself.
"""

import html
import os
import select
import socket
import threading
from contextlib import suppress

_READ_BYTES = 16_384
_PATIENCE_S = 2.0
_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="refresh" content="1"><title>{title}</title>
<style>:root {{ color-scheme: light dark }}
body {{ font: 1rem/1.5 system-ui, sans-serif; max-width: 52rem; margin: 10vh auto;
  padding: 0 1.25rem }}
h1 {{ font-size: 1.6rem; line-height: 1.25; overflow-wrap: anywhere }}
pre {{ background: #8882; border-radius: .3rem; padding: 1rem; font-size: .875rem;
  white-space: pre-wrap; overflow-wrap: anywhere }}</style>
<h1>{title}</h1><pre>{text}</pre>
<p>Save a file, and it is tried again. This page looks by itself.</p></html>
"""


class Page:
    """Answers on a listening socket from the moment it is made until it is closed."""

    def __init__(self, listener: socket.socket, title: str, text: str) -> None:
        body = _PAGE.format(title=html.escape(title), text=html.escape(text)).encode()
        head = (
            "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/html; charset=utf-8\r\n"
            f"Content-Length: {len(body)}\r\nCache-Control: no-store\r\nRetry-After: 1\r\n"
            "Connection: close\r\n\r\n"
        )
        self._answer = head.encode() + body
        self._listener = listener
        self._asked_to_end, self._end = os.pipe()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Leave what comes from now on to others."""
        os.close(self._end)
        self._thread.join()
        os.close(self._asked_to_end)

    def _serve(self) -> None:
        while True:
            ready, _, _ = select.select([self._listener.fileno(), self._asked_to_end], [], [])
            if self._asked_to_end in ready:
                return
            with suppress(OSError):
                connection, _ = self._listener.accept()
                threading.Thread(target=self._tell, args=(connection,), daemon=True).start()

    def _tell(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            connection.settimeout(_PATIENCE_S)
            connection.recv(_READ_BYTES)
            connection.sendall(self._answer)

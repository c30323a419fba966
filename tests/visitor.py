"""Somebody with a browser: pages, forms with their cookies, uploads and websockets, through an
app's nginx."""

import base64
import hashlib
import http.client
import http.cookiejar
import json
import os
import re
import socket
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message

LIMIT_S = 30
_CHUNK = bytes(range(256)) * 256
_TEXT, _MASKED, _MASK = 0x81, 0x80, b"\x01\x02\x03\x04"
_CSRF = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: Message
    text: str

    @property
    def type(self) -> str:
        return self.headers.get_content_type()


class _Connections(urllib.request.HTTPHandler):
    """Leads every name to one address; the names of the tests are in nobody's DNS."""

    def __init__(self, address: str) -> None:
        super().__init__()
        self._address = address

    def http_open(self, request: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(self._connection, request)

    def _connection(
        self, host: str, /, *, timeout: float = LIMIT_S, **_: object
    ) -> http.client.HTTPConnection:
        connection = http.client.HTTPConnection(host, timeout=timeout)
        connection.sock = socket.create_connection((self._address, connection.port), timeout)
        return connection


class Visitor:
    """Asks one app by its host name, at an address that need not be that name's."""

    def __init__(self, address: str, port: int, host: str) -> None:
        self._address, self._port = address, port
        self._host = host if port == 80 else f"{host}:{port}"
        cookies = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        self._opener = urllib.request.build_opener(_Connections(address), cookies)

    def ask(self, path: str, body: bytes | Iterator[bytes] | None = None, **headers: str) -> Answer:
        """GET, or POST where there is a body; redirects are followed."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        site = f"http://{self._host}"
        own = {"Origin": site} if body else {}
        request = urllib.request.Request(site + path, body, {**own, **named})
        try:
            with self._opener.open(request, timeout=LIMIT_S) as answer:
                return Answer(answer.status, answer.headers, answer.read().decode())
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, error.headers, error.read().decode())

    def fill_in(self, path: str, fields: dict[str, str]) -> Answer:
        """Send a form, with the token that Django has put into its page."""
        token = _CSRF.search(self.ask(path).text)
        hidden = {"csrfmiddlewaretoken": token[1]} if token else {}
        return self.ask(path, urllib.parse.urlencode({**fields, **hidden}).encode())

    def upload(self, path: str, size_mib: int) -> None:
        """Send a file in pieces; fails unless all of it arrived."""
        chunks = size_mib * 1024 * 1024 // len(_CHUNK)
        answer = self.ask(
            path,
            (_CHUNK for _ in range(chunks)),
            Content_Length=str(chunks * len(_CHUNK)),
            Content_Type="application/octet-stream",
        )
        digest = hashlib.sha256(_CHUNK * chunks).hexdigest()
        assert (answer.status, json.loads(answer.text)) == (
            200,
            {"size": chunks * len(_CHUNK), "sha256": digest},
        ), answer

    def say(self, path: str, text: str) -> str:
        """Send a short text over a websocket; returns the text that comes back."""
        with socket.create_connection((self._address, self._port), LIMIT_S) as connection:
            stream = connection.makefile("rwb")
            key = base64.b64encode(os.urandom(16)).decode()
            stream.write(
                f"GET {path} HTTP/1.1\r\nHost: {self._host}\r\nUpgrade: websocket\r\n"
                "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                f"Sec-WebSocket-Key: {key}\r\n\r\n".encode()
            )
            stream.flush()
            status = stream.readline().decode()
            assert " 101 " in status, status
            while stream.readline().strip():
                pass
            masked = bytes(byte ^ _MASK[at % 4] for at, byte in enumerate(text.encode()))
            stream.write(bytes((_TEXT, _MASKED | len(masked))) + _MASK + masked)
            stream.flush()
            kind, length = stream.read(2)
            assert kind == _TEXT
            return str(stream.read(length).decode())

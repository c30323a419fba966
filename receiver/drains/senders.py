"""Sends lines of a log to where a drain leads: syslog over UDP, TCP or TLS, and HTTP."""

import base64
import http.client
import select
import socket
import ssl
from collections.abc import Sequence
from contextlib import suppress
from typing import Protocol

from receiver.drains import frames as drain_frames
from receiver.model.drain import Format, Target
from receiver.model.log_line import LogLine

_LIMIT_S = 15.0
_MOST_ANSWERED_BYTES = 65_536
_REFUSED_FOR_GOOD = frozenset({400, 413, 415, 422})
"""What a receiver says of these very lines, and would say again."""
_OK = range(200, 300)


class SendError(Exception):
    """Lines were not taken; `for_good` when it makes no sense to send them again."""

    def __init__(self, seen: str, *, for_good: bool = False) -> None:
        super().__init__(seen)
        self.for_good = for_good


class Sender(Protocol):
    """A way to a receiver; connects when something is sent, and again after a failure."""

    def send(self, lines: Sequence[LogLine]) -> None:
        """Hand lines over.

        Raises:
            SendError: they were not taken, or not all
        """

    def close(self) -> None:
        """Hang up."""


def sender(target: Target, shape: Format, app: str, host: str) -> Sender:
    """The way to a target, for lines of one app whose host name is `host`."""
    if target.kind == "udp":
        return Datagrams(target, host)
    if target.kind in {"tcp", "tls"}:
        return Stream(target, host)
    return Requests(target, shape, app, host)


class Datagrams:
    """Syslog over UDP. Nobody says whether anything arrives."""

    def __init__(self, target: Target, host: str) -> None:
        self._target = target
        self._host = host

    def send(self, lines: Sequence[LogLine]) -> None:
        try:
            address = socket.getaddrinfo(
                self._target.host, self._target.port, type=socket.SOCK_DGRAM
            )[0]
            with socket.socket(address[0], socket.SOCK_DGRAM) as way:
                way.connect(address[4])
                for line in lines:
                    way.send(drain_frames.datagram(line, self._host))
        except OSError as error:
            raise SendError(_said(error)) from error

    def close(self) -> None:
        """Nothing is open."""


class Stream:
    """Syslog over TCP or TLS, each message with its length before it."""

    def __init__(self, target: Target, host: str) -> None:
        self._target = target
        self._host = host
        self._way: socket.socket | None = None

    def send(self, lines: Sequence[LogLine]) -> None:
        data = b"".join(
            drain_frames.counted(drain_frames.syslog(line, self._host)) for line in lines
        )
        try:
            if self._way is not None and _hung_up(self._way):
                self.close()  # what is written now would be lost without a word
            if self._way is None:
                self._way = self._connect()
            self._way.sendall(data)
        except OSError as error:
            self.close()
            raise SendError(_said(error)) from error

    def close(self) -> None:
        if self._way is not None:
            with suppress(OSError):
                self._way.close()
            self._way = None

    def _connect(self) -> socket.socket:
        way = socket.create_connection((self._target.host, self._target.port), _LIMIT_S)
        if self._target.kind == "tcp":
            return way
        try:
            return ssl.create_default_context().wrap_socket(way, server_hostname=self._target.host)
        except OSError:
            way.close()
            raise


class Requests:
    """A POST for each batch of lines, over a connection that is kept."""

    def __init__(self, target: Target, shape: Format, app: str, host: str) -> None:
        self._target = target
        self._shape = shape
        self._app = app
        self._host = host
        self._way: http.client.HTTPConnection | None = None
        self._batch = 0

    def send(self, lines: Sequence[LogLine]) -> None:
        self._batch += 1
        kept = self._way is not None
        try:
            status, reason = self._post(lines)
        except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError) as error:
            self.close()
            if not kept:
                raise SendError(_said(error)) from error
            self._batch -= 1
            self.send(lines)  # a receiver may end a connection that was idle
            return
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise SendError(_said(error)) from error
        if status not in _OK:
            self.close()
            seen = f"It answered {status} {reason}."
            raise SendError(seen, for_good=status in _REFUSED_FOR_GOOD)

    def close(self) -> None:
        if self._way is not None:
            self._way.close()
            self._way = None

    def _post(self, lines: Sequence[LogLine]) -> tuple[int, str]:
        if self._shape == "logplex":
            body, kind = drain_frames.logplex(lines, self._host), "application/logplex-1"
        else:
            body, kind = drain_frames.json_lines(lines, self._app), "application/x-ndjson"
        headers = {"Content-Type": kind, "User-Agent": "ship-drain"}
        if self._shape == "logplex":
            headers |= {
                "Logplex-Msg-Count": str(len(lines)),
                "Logplex-Frame-Id": str(self._batch),
                "Logplex-Drain-Token": f"d.{self._app}",
            }
        if self._target.user is not None:
            pair = f"{self._target.user}:{self._target.password}"
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        if self._way is None:
            self._way = self._connection()
        self._way.request("POST", self._target.path, body, headers)
        answer = self._way.getresponse()
        answer.read(_MOST_ANSWERED_BYTES)
        if not answer.isclosed():  # it goes on, and nobody wants to know
            self.close()
        return answer.status, answer.reason

    def _connection(self) -> http.client.HTTPConnection:
        kind = (
            http.client.HTTPSConnection
            if self._target.kind == "https"
            else http.client.HTTPConnection
        )
        return kind(self._target.host, self._target.port, timeout=_LIMIT_S)


def _hung_up(way: socket.socket) -> bool:
    """Whether the receiver has closed the connection; a syslog receiver says nothing else."""
    readable, _, _ = select.select([way], [], [], 0)
    if not readable:
        return False
    try:
        way.settimeout(0)
        return not way.recv(4096)
    except (BlockingIOError, ssl.SSLWantReadError):
        return False  # a TLS session ticket
    except OSError:
        return True
    finally:
        way.settimeout(_LIMIT_S)


def _said(error: Exception) -> str:
    told = (
        error.strerror
        if isinstance(error, OSError) and not isinstance(error, ssl.SSLError)
        else None
    )
    text = (told or str(error)).strip() or type(error).__name__
    return text if text.endswith(".") else f"{text}."

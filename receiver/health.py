"""One question to an app, over HTTP as a visitor would ask it, and the verdict on its answer."""

import contextlib
import dataclasses
import http.client
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from receiver.clock import SYSTEM_CLOCK, Clock
from receiver.model.errors import CheckError

Address = str | Path | tuple[str, int]
"""A unix socket's path, or host and port."""

_FIRST_PAUSE_S = 0.01
_LONGEST_PAUSE_S = 0.05
_KEPT_BYTES = 2048
_BODY_LIMIT_S = 1.0
"""A page that streams sends its status at once and its first words whenever it likes."""
_BAD_REQUEST = 400
_SERVER_ERROR = 500
_SHOWN_HEADERS = ("content-type", "location", "server")


@dataclass(frozen=True, slots=True)
class Answer:
    """What the app answered."""

    status: int
    headers: dict[str, str]
    body: str
    """The first 2 KiB."""
    seconds: float = 0.0
    """From the first try to this answer."""


def _always() -> bool:
    return True


def ask(  # noqa: PLR0913 - one question; all but its address is by name
    address: Address,
    path: str,
    host: str,
    *,
    limit_s: float,
    forwarded_proto: str = "http",
    status: int | None = None,
    clock: Clock = SYSTEM_CLOCK,
    still_running: Callable[[], bool] = _always,
) -> Answer:
    """Ask until something answers; the first answer decides.

    Any status below 500 means alive, unless `status` names the one that is wanted. A redirect to https is
    an answer like any other.

    Raises:
        CheckError: the answer is not one of a living app, none came within `limit_s`, or the process ended
    """
    started = clock.now()
    pause_s = _FIRST_PAUSE_S
    while True:
        running = (
            still_running()
        )  # looked at before asking: an answer of a process that ended counts
        left_s = max(limit_s - (clock.now() - started), _FIRST_PAUSE_S)
        found = _try(address, path, _headers(host, forwarded_proto), left_s)
        if isinstance(found, Answer):
            refused = verdict(found, path, status)
            if refused is not None:
                raise refused
            return dataclasses.replace(found, seconds=clock.now() - started)
        if not running:
            raise ended(path)
        if clock.now() - started >= limit_s:
            raise _never_answered(path, limit_s, found)
        clock.sleep(pause_s)
        pause_s = min(pause_s * 1.5, _LONGEST_PAUSE_S)


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path: str, timeout_s: float) -> None:
        super().__init__("localhost", timeout=timeout_s)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        try:
            self.sock.connect(self._path)
        except OSError:
            self.sock.close()
            raise


def _try(address: Address, path: str, headers: dict[str, str], limit_s: float) -> Answer | str:
    """The answer, or why there is none."""
    connection = (
        http.client.HTTPConnection(*address, timeout=limit_s)
        if isinstance(address, tuple)
        else _UnixConnection(str(address), limit_s)
    )
    with contextlib.closing(connection):
        try:
            connection.request("GET", path, headers=headers)
            connected = connection.sock
            with contextlib.closing(connection.getresponse()) as response:
                connected.settimeout(_BODY_LIMIT_S)
                return _read(response)
        except TimeoutError:
            return "It accepted the connection and sent no answer."
        except (ConnectionRefusedError, FileNotFoundError):
            return "At the last try nothing listened there."
        except (OSError, http.client.HTTPException) as error:
            return f"The last try ended with: {str(error) or type(error).__name__}."


def _headers(host: str, forwarded_proto: str) -> dict[str, str]:
    return {
        "Host": host,
        "User-Agent": "ship-check",
        "Accept": "*/*",
        "Connection": "close",
        "X-Real-IP": "127.0.0.1",
        "X-Forwarded-For": "127.0.0.1",
        "X-Forwarded-Proto": forwarded_proto,
        "X-Forwarded-Host": host,
        "X-Forwarded-Port": "443" if forwarded_proto == "https" else "80",
    }


def _read(response: http.client.HTTPResponse) -> Answer:
    try:
        body = response.read1(_KEPT_BYTES)
    except (OSError, http.client.HTTPException):
        body = b""  # a page that streams, or breaks off, has answered all the same
    headers = {name: value for name in _SHOWN_HEADERS if (value := response.getheader(name))}
    return Answer(response.status, headers, body.decode(errors="replace"))


def verdict(answer: Answer, path: str, wanted: int | None) -> CheckError | None:
    """What is wrong with an answer; None when it is one of a living app.

    receiver/runtime/question.py has the same rule for workers that ask themselves.
    """
    if wanted is not None:
        said = f"its ship.toml asks for {wanted}"
        return None if answer.status == wanted else _wrong_status(answer, path, said)
    # the second is what Django says with DEBUG off, where it does not name the exception
    signs = ("DisallowedHost", "<h1>Bad Request (400)</h1>")
    if answer.status == _BAD_REQUEST and any(sign in answer.body for sign in signs):
        return _disallowed_host(path)
    if answer.status >= _SERVER_ERROR:
        return _wrong_status(answer, path, "any status below 500 would do")
    return None


def _wrong_status(answer: Answer, path: str, wanted: str) -> CheckError:
    start = "\n".join(answer.body.strip().splitlines()[:10])
    return CheckError(
        f"The app answered {path} with status {answer.status}; {wanted}.",
        detail=f"Its answer begins:\n{start}" if start else "Its answer was empty.",
        advice="Read the app's log above, correct the app and push again. If another page tells better"
        " whether the app is alive, name it in ship.toml under [check].",
        reason="check/status",
    )


def _disallowed_host(path: str) -> CheckError:
    return CheckError(
        f"Django refused the app's own host name at {path}, with status 400.",
        detail="This is its answer to a host name that is not in ALLOWED_HOSTS.",
        advice="Add the app's host name to ALLOWED_HOSTS in settings.py. `ship apps:info` shows it.",
        reason="check/disallowed-host",
    )


def ended(path: str) -> CheckError:
    """The error for a process that ended before it could be asked."""
    return CheckError(
        f"The web process ended before it answered {path}.",
        advice="Read the app's log above, correct the app and push again.",
        reason="check/ended",
    )


def never_started(limit_s: float) -> CheckError:
    """The error for workers that were still importing the app when the time was up."""
    return CheckError(
        f"The app did not start within {limit_s:g} s.",
        detail="Its modules were still being imported; nothing was asked of it yet.",
        advice="Look for what the app waits for when it is imported, such as a database or another server,"
        " or raise the app's setting check_limit_s.",
        reason="check/boot-timeout",
    )


def _never_answered(path: str, limit_s: float, seen: str) -> CheckError:
    return CheckError(
        f"The app did not answer {path} within {limit_s:g} s.",
        detail=seen,
        advice="Check that the web process listens on the port in $PORT and that it starts in time."
        " The limit is the app's setting check_limit_s.",
        reason="check/never-answered",
    )


def wrong_port(wanted: int, found: tuple[int, ...]) -> CheckError:
    """The error for a process that listens, but where nobody asks."""
    ports = " and ".join(map(str, found))
    return CheckError(
        f"The web process listens on port {ports}, not on $PORT.",
        detail=f"PORT is {wanted}. It is another one in every slot and on every server.",
        advice="Have the command take its port from the environment, such as `--port $PORT`.",
        reason="check/wrong-port",
    )

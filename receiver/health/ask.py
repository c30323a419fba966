"""One question to an app, over HTTP as a visitor would ask it."""

import contextlib
import http.client
from collections.abc import Callable
from pathlib import Path

import msgspec
from msgspec.structs import replace

from receiver.health.answers import (
    Answer,
    Question,
    ended,
    never_answered,
    to_https,
    too_slow,
    verdict,
)
from receiver.machine.clock import SYSTEM_CLOCK, Clock
from receiver.machine.tls_http import TlsConnection
from receiver.machine.unix_http import UnixConnection
from receiver.model.address import TlsAddress
from receiver.model.errors import CheckError

Address = str | Path | tuple[str, int] | TlsAddress
"""A unix socket's path, or host and port, with a name where that is asked by TLS."""

_FIRST_PAUSE_S = 0.01
_LONGEST_PAUSE_S = 0.05
_LOOK_EVERY_S = 0.5
_BELIEVED_S = 2.5
"""How long a process listens elsewhere until that is taken for all that it does."""
_KEPT_BYTES = 2048
_BODY_LIMIT_S = 1.0
"""A page that streams sends its status at once and its first words whenever it likes."""
_SILENT = "It accepted the connection and sent no answer."
_SHOWN_HEADERS = ("content-type", "location", "server")


def _always() -> bool:
    return True


def ask(  # noqa: PLR0913 - each is a fact of its own about what is asked
    address: Address,
    question: Question,
    *,
    limit_s: float,
    clock: Clock = SYSTEM_CLOCK,
    still_running: Callable[[], bool] = _always,
    is_up: Callable[[], bool] = _always,
    elsewhere: Callable[[], CheckError | None] | None = None,
) -> Answer:
    """Ask until something answers; that answer decides, or the last one of several attempts.

    Any status below 500 means alive, unless the question names those that do. An app that sends on
    to https is asked as if the visitor had come that way.

    Args:
        address: where it listens
        question: what it is asked
        limit_s: how long it may take until it gives its first answer
        clock: the time
        still_running: whether its process is there
        is_up: whether it can be expected to answer in the time that one answer may take
        elsewhere: the error for one that listens where nobody asks; what it says for some seconds
            is believed

    Raises:
        CheckError: the answer is not one of a living app, none came within `limit_s`, or
            the process ended
    """
    for attempt in range(1, question.attempts + 1):
        try:
            patience = _Patience(limit_s, clock, still_running, is_up, _Elsewhere(elsewhere, clock))
            return _asked_once(address, question, patience)
        except CheckError:
            if attempt == question.attempts or not still_running():
                raise
        clock.sleep(question.wait_s)
    raise AssertionError(question.attempts)


def try_out(
    address: Address, question: Question, *, limit_s: float, clock: Clock = SYSTEM_CLOCK
) -> tuple[Answer, CheckError | None]:
    """Ask what runs already once: its answer, and what is wrong with it.

    Raises:
        CheckError: nothing answered within `limit_s`
    """
    answer = _answer(address, question, _Patience(limit_s, clock, _always, _always))
    return answer, verdict(answer, question)


class _Patience(msgspec.Struct, frozen=True):
    limit_s: float
    clock: Clock
    still_running: Callable[[], bool]
    is_up: Callable[[], bool]
    elsewhere: "_Elsewhere | None" = None


class _Elsewhere:
    """Looks now and then whether a process listens where nobody asks."""

    def __init__(self, look: Callable[[], CheckError | None] | None, clock: Clock) -> None:
        self._look, self._clock = look, clock
        self._next = clock.now()
        self._since: float | None = None

    def refuse(self) -> None:
        """Raise what was seen for some seconds on end.

        Raises:
            CheckError: it listens elsewhere
        """
        now = self._clock.now()
        if self._look is None or now < self._next:
            return
        self._next = now + _LOOK_EVERY_S
        seen = self._look()
        self._since = None if seen is None else now if self._since is None else self._since
        if seen is not None and self._since is not None and now - self._since >= _BELIEVED_S:
            raise seen


def _asked_once(address: Address, question: Question, patience: _Patience) -> Answer:
    answer = _answer(address, question, patience)
    refused = verdict(answer, question)
    if refused is not None:
        raise refused
    return answer


def _answer(address: Address, question: Question, patience: _Patience) -> Answer:
    answer = _first_answer(address, question, patience)
    path = to_https(answer, question.host)
    if path is not None and answer.status not in question.wanted:
        headers = _headers(question, "https")
        second = _try(address, path, headers, question.timeout_s or patience.limit_s)
        if isinstance(second, Answer):
            answer = replace(second, seconds=answer.seconds, by_https=path)
    return answer


def _first_answer(address: Address, question: Question, patience: _Patience) -> Answer:
    started, pause_s = patience.clock.now(), _FIRST_PAUSE_S
    headers, limit_s = _headers(question, "http"), patience.limit_s
    while True:
        # looked at before asking: an answer of a process that ended counts
        running, up = patience.still_running(), patience.is_up()
        left_s = max(limit_s - (patience.clock.now() - started), _FIRST_PAUSE_S)
        one_s = min(question.timeout_s or left_s, left_s) if up else left_s
        found = _try(address, question.path, headers, one_s) if up else "It has not started yet."
        if isinstance(found, Answer):
            return replace(found, seconds=patience.clock.now() - started)
        if not running:
            raise ended(question.path)
        if patience.elsewhere is not None:
            patience.elsewhere.refuse()
        if found == _SILENT and question.timeout_s:
            raise too_slow(question.path, question.timeout_s)
        if patience.clock.now() - started >= limit_s:
            raise never_answered(question.path, limit_s, found)
        patience.clock.sleep(pause_s)
        pause_s = min(pause_s * 1.5, _LONGEST_PAUSE_S)


def _try(address: Address, path: str, headers: dict[str, str], limit_s: float) -> Answer | str:
    """The answer, or why there is none."""
    connection = _connection(address, limit_s)
    with contextlib.closing(connection):
        try:
            connection.request("GET", path, headers=headers)
            connected = connection.sock
            with contextlib.closing(connection.getresponse()) as response:
                connected.settimeout(_BODY_LIMIT_S)
                return _read(response)
        except TimeoutError:
            return _SILENT
        except (ConnectionRefusedError, FileNotFoundError):
            return "At the last try nothing listened there."
        except (OSError, http.client.HTTPException) as error:
            return f"The last try ended with: {str(error) or type(error).__name__}."


def _connection(address: Address, limit_s: float) -> http.client.HTTPConnection:
    if isinstance(address, TlsAddress):
        return TlsConnection(address, limit_s=limit_s)
    if isinstance(address, tuple):
        return http.client.HTTPConnection(*address, timeout=limit_s)
    return UnixConnection(address, limit_s=limit_s)


def _headers(question: Question, forwarded_proto: str) -> dict[str, str]:
    return {
        **({"X-Ship-Check": question.key} if question.key else {}),
        "Host": question.host,
        "User-Agent": "ship-check",
        "Accept": "*/*",
        "Connection": "close",
        "X-Real-IP": "127.0.0.1",
        "X-Forwarded-For": "127.0.0.1",
        "X-Forwarded-Proto": forwarded_proto,
        "X-Forwarded-Host": question.host,
        "X-Forwarded-Port": "443" if forwarded_proto == "https" else "80",
    }


def _read(response: http.client.HTTPResponse) -> Answer:
    try:
        body = response.read1(_KEPT_BYTES)
    except (OSError, http.client.HTTPException):
        body = b""  # a page that streams, or breaks off, has answered all the same
    headers = {name: value for name in _SHOWN_HEADERS if (value := response.getheader(name))}
    return Answer(response.status, headers, body.decode(errors="replace"))

"""Reads the lines that nginx writes of an app's requests, and says in words why one failed. Pure.

Their format stands in templates/nginx/default.conf. Visitors choose much of what is in them, so all
of that is escaped.
"""

import re
from urllib.parse import quote

import msgspec

from receiver.model.log_line import LogLine
from receiver.model.patterns import regex

_HEADER_BYTES = 40 * 1024
"""nginx takes a header of an answer up to `proxy_buffer_size`."""
_LONGEST = 1_000
_SERVER_ERROR = 500
_NOBODY = "-"
_PRINTABLE = "".join(map(chr, range(0x21, 0x7F)))
_SECRET = regex(
    r"(?i)([?&;][^=&;]*(?:passw|pwd|secret|token|api-?_?key|signature|auth|session)[^=&;]*=)[^&;]+"
)


class Request(msgspec.Struct, frozen=True):
    """A request as nginx wrote it down; all texts, since nginx writes `-` or nothing for what
    there was not.
    """

    at: str
    request: str
    """Method, address and protocol; whatever was sent in their place, where it was no HTTP."""
    status: str
    id: str = ""
    """Also given to the app, as X-Request-ID."""
    host: str = ""
    address: str = msgspec.field(name="from", default="")
    reason: str = ""
    """Set where nginx answers in the app's place."""
    bytes: str = ""
    received: str = ""
    time: str = ""
    complete: str = ""
    """`OK` where nginx has sent what it had; nothing where the visitor did not wait for that."""
    body: str = ""
    body_limit: str = ""
    app_status: str = ""
    app_connect: str = ""
    app_header: str = ""
    app_time: str = ""
    app_bytes: str = ""
    app_length: str = ""
    app_promised: str = ""
    referer: str = ""
    agent: str = ""

    @property
    def was_passed_on(self) -> bool:
        """Whether nginx tried to have the app answer."""
        return bool(self.app_status)


class Reason(msgspec.Struct, frozen=True):
    """Why a request failed: a word that stays, what happened, and what to do or to look at."""

    code: str
    text: str
    advice: str = ""
    """With APP in place of the app's name."""


_BY_NGINX = {
    "maintenance": Reason(
        "maintenance", "the app is in maintenance", "End it: `ship maintenance:off -a APP`."
    ),
    "address-refused": Reason(
        "address-refused",
        "the visitor's address is not allowed",
        "See allow and deny: `ship nginx:show -a APP`.",
    ),
    "too-many": Reason(
        "too-many",
        "the visitor's address exceeded its request rate",
        "See rate and burst: `ship nginx:show -a APP`.",
    ),
    "stopped": Reason("stopped", "the app is stopped", "Start it: `ship ps:start -a APP`."),
    "no-web": Reason(
        "no-web",
        "the app has no web process",
        "A line `web: …` in the Procfile makes one; processes of other types answer no requests.",
    ),
    "not-deployed": Reason(
        "not-deployed", "nothing is deployed yet", "Push some code: `git push prod main`."
    ),
    "crashing": Reason(
        "crashing",
        "the app crashes at its start, again and again",
        "See `ship ps -a APP` for the error, correct it and push again.",
    ),
    "header-too-large": Reason(
        "header-too-large",
        "the request's header is too large",
        "nginx takes lines of up to 8 KiB, and four such; most often it is cookies that "
        "grow. Keep in the session what is small.",
    ),
}
_BY_STATUS = {
    "400": Reason("bad-request", "the request was not valid HTTP"),
    "401": Reason(
        "no-password",
        "the password is missing or wrong",
        "Those who have one: `ship nginx:show -a APP`.",
    ),
    "403": Reason(
        "not-readable",
        "nginx may not read this file, or it is a folder without an index page",
        "A link counts only where it leads to a file of the app's own.",
    ),
    "404": Reason("no-such-file", "there is no such file"),
    "405": Reason("method-not-allowed", "nginx lets no request of this method in here"),
    "408": Reason("visitor-too-slow", "the visitor was too slow with the request"),
}
_OWN_ANSWER = Reason(
    "app-answered", "the app's own answer", "Its own lines say why: `ship logs -p web -a APP`."
)
_REFUSED = Reason(
    "refused",
    "the app refused the connection",
    "No web process listens: it crashed, was stopped, or listens elsewhere. See `ship ps -a "
    "APP` and `ship logs -p web -a APP`.",
)
_CLOSED = Reason(
    "closed",
    "the app closed the connection without an answer",
    "The worker ended in the middle of the request: killed for its memory, by gunicorn's "
    "own timeout, or crashed."
    " See `ship logs -p web -a APP`.",
)


def parse(line: bytes) -> LogLine | None:
    """A line of an app's access log, told; None for what is no such line, as those of an older
    ship are.
    """
    request = read(line)
    at_us = _microseconds(request.at) if request else None
    if request is None or at_us is None:
        return None
    return LogLine(at_us, "router", "nginx", tell(request).encode())


def read(line: bytes) -> Request | None:
    """What nginx wrote down; None for what is no line of this format."""
    try:
        # nginx leaves bytes that are no UTF-8 as they are
        return msgspec.json.decode(line.decode(errors="replace"), type=Request)
    except msgspec.MsgspecError:
        return None


def tell(request: Request) -> str:
    """One request on one line of plain ASCII, whatever the visitor sent."""
    method, address = _asked(request.request)
    why = reason(request)
    took = f"time={request.time}s"
    if request.was_passed_on:
        took += f" (app {request.app_time}s)"
    parts = (
        method,
        address,
        request.status,
        f'"{why.text}"' if why else "",
        f"host={_plain(request.host)}",
        f"from={_plain(request.address)}",
        f"bytes={request.bytes}",
        took,
        f"id={request.id}" if request.id else "",
    )
    return " ".join(part for part in parts if part)


def reason(request: Request) -> Reason | None:
    """Why a request failed; None for one that did not, as far as nginx can tell."""
    if request.reason:
        return _BY_NGINX.get(request.reason, Reason(_plain(request.reason), _plain(request.reason)))
    if not request.complete:
        return _visitor_left(request)
    if request.was_passed_on:
        return _of_app(request)
    if request.status == "413":
        return _body_too_large(request)
    if request.status in _BY_STATUS:
        return _BY_STATUS[request.status]
    if _number(request.status) >= _SERVER_ERROR:
        text, advice = "nginx itself failed", "Its error log says why; a full disk is one cause."
        return Reason("nginx-failed", text, advice)
    return None


def _of_app(request: Request) -> Reason | None:
    """Why a request failed that nginx passed on, and whose visitor waited for the end."""
    if request.app_connect == _NOBODY:
        return _no_connection(request) if request.app_status == "504" else _REFUSED
    if request.app_header == _NOBODY:
        return _no_header(request)
    if request.status == "009":  # nginx's way to say HTTP/0.9: an answer without a header
        return Reason("not-http", "the app's answer was not HTTP", "What listens on its port?")
    missing = _number(request.app_promised) - _number(request.app_length)
    if missing > 0 and _has_body(request):
        return _broken_off(request)
    return _OWN_ANSWER if _number(request.status) >= _SERVER_ERROR else None


def _no_header(request: Request) -> Reason:
    if request.app_status == "504":
        return _too_slow(request)
    if _number(request.app_bytes) >= _HEADER_BYTES:
        return Reason(
            "answer-header-too-large",
            "the header of the app's answer is too large",
            f"nginx takes {_HEADER_BYTES // 1024} KiB; most often it is a cookie. Keep in "
            "the session what is small.",
        )
    if _number(request.app_bytes):
        return Reason(
            "answer-malformed",
            "the header of the app's answer broke off, or is malformed",
            "See `ship logs -p web -a APP`.",
        )
    return _CLOSED


def _too_slow(request: Request) -> Reason:
    return Reason(
        "timeout",
        f"the app gave no answer within {_whole_seconds(request.app_time)} s",
        "All its workers may be busy, or none may run: `ship ps -a APP`. What takes long "
        "belongs into a worker process;"
        " the limit is read_timeout_s of the app.",
    )


def _no_connection(request: Request) -> Reason:
    return Reason(
        "no-connection",
        f"the app took no connection within {_whole_seconds(request.app_time)} s",
        "More visitors wait than the system keeps in line for it: its workers are too few, "
        "or they hang. See `ship ps -a APP`.",
    )


def _broken_off(request: Request) -> Reason:
    return Reason(
        "broke-off",
        f"the app broke off its answer after {request.app_length} of {request.app_promised} bytes",
        "The worker ended in the middle of the answer, or wrote nothing for read_timeout_s. "
        "See `ship logs -p web -a APP`.",
    )


def _visitor_left(request: Request) -> Reason:
    if request.was_passed_on and request.app_header == _NOBODY:
        text = f"the visitor went away after {request.time} s, before the app answered"
        return Reason("visitor-left", text, "If it comes often, the app is slow.")
    if request.was_passed_on:
        return Reason("visitor-left-midway", "the visitor went away in the middle of the answer")
    return Reason("visitor-left-early", "the visitor went away in the middle of the request")


def _body_too_large(request: Request) -> Reason:
    size = f"{_number(request.body) / 1024 / 1024:.1f} MiB" if request.body else "a body"
    limit = f" of {request.body_limit} MiB" if request.body_limit else ""
    return Reason(
        "body-too-large",
        f"{size} is above the limit{limit} of a request's body",
        "The limit is max_body_mb of the app.",
    )


def _has_body(request: Request) -> bool:
    """Whether what the header promises was wanted: nginx answers 304 by itself where the visitor
    has it already.
    """
    bodiless = {"204", "304"} & {request.status, request.app_status}
    return not bodiless and not request.request.startswith("HEAD ")


def _asked(request: str) -> tuple[str, str]:
    """Method and address, without what could be read as something else, and without secrets of a
    query.
    """
    method, _, rest = request.partition(" ")
    address = re.sub(r" HTTP/[0-9.]+$", "", rest)
    return _plain(method), _plain(_SECRET.sub(r"\1***", address))


def _plain(text: str) -> str:
    """Printable ASCII without blanks, and not without end."""
    told = quote(text, safe=_PRINTABLE)
    return told if len(told) <= _LONGEST else f"{told[:_LONGEST]}..."


def _microseconds(at: str) -> int | None:
    """Nginx's `1700000000.123`."""
    seconds, _, rest = at.partition(".")
    return int(seconds + rest.ljust(6, "0")) if re.fullmatch(r"\d+\.\d{1,6}", at) else None


def _number(text: str) -> int:
    return int(text) if text.isdecimal() else 0


def _whole_seconds(text: str) -> int:
    return _number(text.partition(".")[0])

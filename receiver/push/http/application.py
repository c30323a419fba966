"""The WSGI application for smart HTTP: who asks, for which app, and may it; then git's protocol,
streamed.
"""

import base64
import binascii
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from receiver.model.errors import NotFoundError, ShipError
from receiver.model.layout import Layout
from receiver.model.names import AppName
from receiver.model.patterns import regex
from receiver.model.program import HOOKS
from receiver.model.terminal import harmless_lines
from receiver.push import door, receive_pack, upload_pack
from receiver.push.door import Caller
from receiver.push.hooks import Push
from receiver.push.http.body import Body
from receiver.push.http.guessing import Guessing
from receiver.push.limits import Limits
from receiver.push.wire import Readable, Write

Environ = dict[str, Any]
StartResponse = Callable[..., Write]
Application = Callable[[Environ, StartResponse], Iterable[bytes]]

_ROUTE = regex(
    r"/git/(?P<app>[^/]+?)(?:\.git)?/(?P<call>info/refs|git-receive-pack|git-upload-pack)"
)
_MOST_CALLS = 224
"""Of one key at the same time; the receiver has 256 threads."""
_TOO_MANY = f"This token has {_MOST_CALLS} calls under way. Try again when one has ended."
_NEEDED = "A token is needed: any user name, and a token as the password."
_NO_CACHE = (
    ("Cache-Control", "no-cache, max-age=0, must-revalidate"),
    ("Expires", "Fri, 01 Jan 1980 00:00:00 GMT"),
    ("Pragma", "no-cache"),
)


class Config(msgspec.Struct, frozen=True):
    """What the application knows of its server."""

    layout: Layout
    authenticate: Callable[[str], str | None]
    """Name of the key that a token belongs to; None when it belongs to none."""
    environment: Mapping[str, str]
    """For the programs that a call starts."""
    limits: Callable[[], Limits]
    """How much one push may bring and become."""


class _Call(msgspec.Struct, frozen=True):
    """One request that was let in."""

    caller: Caller
    app: AppName
    service: str
    advertises: bool
    protocol: str


class _RefusedError(Exception):
    """The answer to a request that is not let in; `text` is shown to whoever pushes."""

    def __init__(self, status: str, text: str, *headers: tuple[str, str]) -> None:
        super().__init__(text)
        self.status = status
        self.text = text
        self.headers = headers


def create_app(config: Config) -> Application:
    """The application of one server."""
    calls, guessing = _Calls(), Guessing()

    def application(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        answer = _Answer(start_response)
        try:
            call = _admit(config, environ, guessing)
        except _RefusedError as refused:
            # git asks for refs first, so it never sends a push to an answer like this: who does,
            # is not listened to
            return _refuse(start_response, refused)
        if not calls.begin(call.caller.key):
            return _refuse(start_response, _RefusedError("429 Too Many Requests", _TOO_MANY))
        body = Body(environ)
        try:
            answer.content_type = f"application/x-{call.service}-" + (
                "advertisement" if call.advertises else "result"
            )
            _serve(config, call, body, answer.write)
            answer.begin()
        except ShipError as error:
            # receive_pack raises before its first byte or not at all
            body.drain()
            return _refuse(start_response, _RefusedError("400 Bad Request", _in_words(error)))
        finally:
            calls.end(call.caller.key)
        return ()

    return application


class _Calls:
    """How many calls of each key are under way: one alone cannot keep all others out."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: Counter[str] = Counter()

    def begin(self, key: str) -> bool:
        """Count one more, if there may be one."""
        with self._lock:
            if self._open[key] >= _MOST_CALLS:
                return False
            self._open[key] += 1
            return True

    def end(self, key: str) -> None:
        with self._lock:
            self._open[key] -= 1


class _Answer:
    """Sends the head of the answer with the first byte of its body, so that an error before it
    can differ.
    """

    def __init__(self, start_response: StartResponse) -> None:
        self.content_type = ""
        self._start_response = start_response
        self._write: Write | None = None

    def begin(self) -> Write:
        if self._write is None:
            headers = [("Content-Type", self.content_type), *_NO_CACHE]
            self._write = self._start_response("200 OK", headers)
        return self._write

    def write(self, data: bytes) -> None:
        if data:
            self.begin()(data)


def _admit(config: Config, environ: Environ, guessing: Guessing) -> _Call:
    """The call that is asked for, if it is one, and if who asks may make it."""
    route = _ROUTE.fullmatch(environ.get("PATH_INFO", ""))
    if route is None:
        raise _RefusedError("404 Not Found", "There is nothing here.")
    # from where, as nginx says it, which is the only one to reach this
    address = str(environ.get("HTTP_X_FORWARDED_FOR", ""))
    key = _authenticated(config, environ, address, guessing)
    service, advertises = _service(route["call"], environ)
    caller = Caller(config.layout, key, {**config.environment, "SSH_CLIENT": address}, _to_make)
    app = _admitted_app(caller, route["app"], service)
    return _Call(caller, app, service, advertises, environ.get("HTTP_GIT_PROTOCOL", ""))


def _authenticated(config: Config, environ: Environ, address: str, guessing: Guessing) -> str:
    """The key whose token is shown. A wrong one is logged and slowed down; none at all is not,
    for so git asks first.
    """
    token, asks = _token_of(environ.get("HTTP_AUTHORIZATION", "")), _NEEDED
    try:
        key = config.authenticate(token)
    except ShipError as error:  # it is over
        key, asks = None, _in_words(error)
    if key is not None:
        return key
    if token:
        environ["wsgi.errors"].write(f"ship: a wrong token from {harmless_lines(address)}\n")
        if not guessing.slow(address):
            raise _RefusedError("429 Too Many Requests", "Too many wrong tokens. Try again later.")
    realm = ("WWW-Authenticate", 'Basic realm="ship", charset="UTF-8"')
    raise _RefusedError("401 Unauthorized", asks, realm)


def _token_of(header: str) -> str:
    """The password of HTTP Basic, whatever the user name; empty when there is none."""
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        decoded = base64.b64decode(encoded.strip(), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""
    return decoded.partition(":")[2]


def _service(call: str, environ: Environ) -> tuple[str, bool]:
    method = environ["REQUEST_METHOD"]
    if call == "info/refs":
        service = environ.get("QUERY_STRING", "").removeprefix("service=")
        if service not in door.SERVICES:
            raise _RefusedError("403 Forbidden", "Use a git that speaks smart HTTP.")
        if method != "GET":
            raise _RefusedError("405 Method Not Allowed", "", ("Allow", "GET"))
        return service, True
    if method != "POST":
        raise _RefusedError("405 Method Not Allowed", "", ("Allow", "POST"))
    return call, False


def _admitted_app(caller: Caller, name: str, service: str) -> AppName:
    """The app that is meant, if the key may use git on it."""
    try:
        app = AppName.parse(name)
    except ShipError as error:
        raise _RefusedError("404 Not Found", _in_words(error)) from error
    try:
        door.admit(caller, app, service)
    except NotFoundError as error:
        raise _RefusedError("404 Not Found", f"{error.title}\n{error.advice}") from error
    except ShipError as error:
        raise _RefusedError("403 Forbidden", _in_words(error)) from error
    return app


def _to_make(app: AppName) -> str:
    return f"ship apps:create {app}"


def _serve(config: Config, call: _Call, body: Readable, write: Write) -> None:
    repo = config.layout.repo(call.app)
    if call.service == door.RECEIVE:
        variables = door.for_hooks(call.caller.key, call.app, call.caller.environment)
        push = Push(repo, HOOKS, variables, config.limits())
        if call.advertises:
            receive_pack.advertise(push, write)
        else:
            receive_pack.serve_rpc(push, body, write)
    elif call.advertises:
        upload_pack.advertise(repo, write, call.protocol)
    else:
        upload_pack.serve_rpc(repo, body, write, call.protocol)


def _refuse(start_response: StartResponse, refused: _RefusedError) -> Iterable[bytes]:
    # git shows the body of a refusal only if it is plain text
    text = f"{harmless_lines(refused.text)}\n".encode("utf-8", "surrogateescape")
    headers = [
        ("Content-Type", "text/plain; charset=utf-8"),
        ("Content-Length", str(len(text))),
        *_NO_CACHE,
        *refused.headers,
    ]
    start_response(refused.status, headers)
    return (text,)


def _in_words(error: ShipError) -> str:
    return "\n".join(part for part in (error.title, error.detail, error.advice) if part)

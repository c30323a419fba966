"""Each way for a request to fail, provoked with the real nginx, and the line that tells of it."""

import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Iterator

import pytest

from receiver.model.maintenance import Maintenance
from receiver.model.names import AppName
from receiver.model.release import Release
from receiver.nginx.router_lines import parse, read, reason
from tests.embedded.by_hand import gunicorn
from tests.embedded.embedded_server import (
    DOMAIN,
    EmbeddedServer,
    ask_raw,
    embedded_server,
    wait_until,
    with_settings,
)

pytestmark = pytest.mark.embedded

OK = b"HTTP/1.1 200 OK\r\n"
PROMISED = OK + b"Content-Length: 100\r\n"
RESET = struct.pack("ii", 1, 0)
KILLS_ITSELF = """
import os, signal

def app(environ, start_response):
    if environ["PATH_INFO"] == "/kill":
        os.kill(os.getpid(), signal.SIGKILL)
    write = start_response("200 OK", [("Content-Length", "1000000")])
    write(b"x" * 100_000)
    if environ["PATH_INFO"] == "/kill-midway":
        os.kill(os.getpid(), signal.SIGKILL)
    return [b"x" * 900_000]
"""


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedServer]:
    with embedded_server() as running:
        yield running


class Site:
    """An app, what was written of its requests, and a socket in the place of its web process."""

    def __init__(self, server: EmbeddedServer, name: str) -> None:
        self.server = server
        self.app: AppName = server.app(name)
        with_settings(server, self.app, read_timeout_s=1, max_body_mb=1)
        self.release: Release = server.release(self.app, 1, gunicorn())
        server.route(self.app, self.release)
        self._log = server.layout.app(self.app).logs / "nginx.access.log"
        self._read = 0

    def told(self) -> tuple[str | None, str]:
        """The reason and the text of the line that comes next."""
        wait_until(lambda: len(self._lines()) > self._read)
        line = self._lines()[self._read]
        self._read += 1
        request, parsed = read(line), parse(line)
        assert request is not None
        assert parsed is not None
        why = reason(request)
        return (why.code if why else None), parsed.text.decode("ascii")

    def forget(self) -> None:
        """Look at none of the lines that are there."""
        self._read = len(self._lines())

    def _lines(self) -> list[bytes]:
        return self._log.read_bytes().splitlines() if self._log.exists() else []

    @contextlib.contextmanager
    def played(self, play: Callable[[socket.socket], object]) -> Iterator[None]:
        """A web process that answers one request with what `play` does to its connection."""
        port = self.server.settings(self.app).port
        with socket.create_server(("127.0.0.1", port)) as listener:

            def serve() -> None:
                taken, _ = listener.accept()
                with taken:
                    taken.recv(65536)
                    play(taken)

            thread = threading.Thread(target=serve)
            thread.start()
            yield
            thread.join()

    def ask(self, path: str = "/", headers: str = "") -> None:
        ask_raw(self.server.port, f"{self.app}.{DOMAIN}", path, headers=headers)

    def send(self, data: bytes) -> socket.socket:
        """What stands in `data` sent as it is; the answer is not waited for."""
        connection = socket.create_connection(("127.0.0.1", self.server.port), timeout=10)
        connection.sendall(data.replace(b"HOST", f"Host: {self.app}.{DOMAIN}".encode()))
        return connection


@pytest.fixture(scope="module")
def blog(server: EmbeddedServer) -> Site:
    return Site(server, "blog")


@pytest.fixture
def site(blog: Site) -> Site:
    blog.forget()
    return blog


def _reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)


def _silent(connection: socket.socket) -> None:
    connection.recv(1)  # until nginx has lost its patience


def _sends(answer: bytes) -> Callable[[socket.socket], object]:
    return lambda connection: connection.sendall(answer)


def _sends_then_waits(answer: bytes) -> Callable[[socket.socket], object]:
    def play(connection: socket.socket) -> None:
        connection.sendall(answer)
        _silent(connection)

    return play


@pytest.mark.parametrize(
    ("play", "code", "text"),
    [
        (_sends(OK + b"Content-Length: 2\r\n\r\nok"), None, "GET / 200 host=blog.ship.test"),
        (_sends(OK + b"\r\nuntil it is closed"), None, "GET / 200 host="),
        (_sends(b""), "closed", '502 "the app closed the connection without an answer"'),
        (_reset, "closed", '502 "the app closed the connection without an answer"'),
        (_silent, "timeout", '504 "the app gave no answer within 1 s"'),
        (
            _sends(PROMISED + b"\r\nok"),
            "broke-off",
            ('200 "the app broke off its answer after 2 of 100 bytes"'),
        ),
        (_sends_then_waits(PROMISED + b"\r\nok"), "broke-off", "after 2 of 100 bytes"),
        (
            _sends(PROMISED),
            "answer-malformed",
            ('502 "the header of the app\'s answer broke off, or is malformed"'),
        ),
        (_sends(OK + b"no colon here\r\n\r\n"), "answer-malformed", "502"),
        (
            _sends(OK + b"Set-Cookie: " + b"a" * 50_000 + b"\r\n\r\n"),
            "answer-header-too-large",
            '502 "the header of the app\'s answer is too large"',
        ),
        (_sends(b"220 mail.example.com ESMTP\r\n"), "not-http", '"the app\'s answer was not HTTP"'),
        (
            _sends(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n"),
            "app-answered",
            ('502 "the app\'s own answer"'),
        ),
        (
            _sends(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"),
            "app-answered",
            ('503 "the app\'s own answer"'),
        ),
        (
            _sends(b"HTTP/1.1 504 Slow\r\nContent-Length: 0\r\n\r\n"),
            "app-answered",
            ('504 "the app\'s own answer"'),
        ),
        (_sends(b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n"), None, "GET / 304"),
        (_sends(b"HTTP/1.1 413 Large\r\nContent-Length: 0\r\n\r\n"), None, "GET / 413 host="),
    ],
)
def test_what_a_web_process_does(
    site: Site, play: Callable[[socket.socket], object], code: str | None, text: str
) -> None:
    with site.played(play):
        site.ask()
    found, told = site.told()
    assert found == code
    assert text in told


def test_nobody_listens(site: Site) -> None:
    site.ask("/page?id=7")
    code, told = site.told()
    assert code == "refused"
    assert told.startswith('GET /page?id=7 502 "the app refused the connection" host=')


def test_what_the_visitor_has_already_is_no_failure(site: Site) -> None:
    modified = "Sat, 01 Jan 2022 00:00:00 GMT"
    answer = PROMISED + f"Last-Modified: {modified}\r\n\r\n".encode() + b"x" * 100
    with site.played(_sends(answer)):
        site.ask(headers=f"If-Modified-Since: {modified}\r\n")
    assert site.told()[0] is None


def test_a_head_request_has_no_body(site: Site) -> None:
    head = b"HEAD / HTTP/1.1\r\nHOST\r\nConnection: close\r\n\r\n"
    with site.played(_sends(PROMISED + b"\r\n")), site.send(head) as visitor:
        visitor.recv(65536)
    assert site.told()[0] is None


def test_all_places_to_wait_for_the_app_are_taken(site: Site) -> None:
    port = site.server.settings(site.app).port
    with contextlib.ExitStack() as stack:
        stack.enter_context(socket.create_server(("127.0.0.1", port), backlog=0))
        for _ in range(3):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(("127.0.0.1", port))
        site.ask()
    code, told = site.told()
    assert code == "no-connection"
    assert '504 "the app took no connection within 10 s"' in told


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        OK + b"Content-Length: 100000\r\n\r\n" + b"x" * 50_000,
        OK + (b"Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n"),
    ],
)
def test_the_visitor_goes_away(site: Site, sent: bytes) -> None:
    asked = threading.Event()

    def play(connection: socket.socket) -> None:
        connection.sendall(sent)
        asked.set()
        _silent(connection)

    with site.played(play), site.send(b"GET / HTTP/1.1\r\nHOST\r\n\r\n") as visitor:
        assert asked.wait(10)
        if sent:
            visitor.recv(1)
    code, told = site.told()
    assert code == ("visitor-left-midway" if sent else "visitor-left")
    assert "the visitor went away" in told


def test_the_visitor_goes_away_in_the_middle_of_his_request(site: Site) -> None:
    site.send(b"POST / HTTP/1.1\r\nHOST\r\nContent-Length: 999\r\n\r\nabc").close()
    code, told = site.told()
    assert code == "visitor-left-early"
    assert told.startswith('POST / 400 "the visitor went away in the middle of the request"')


@pytest.mark.parametrize(
    ("request_bytes", "code", "text"),
    [
        (
            b"POST / HTTP/1.1\r\nHOST\r\nContent-Length: 10485760\r\n\r\n",
            "body-too-large",
            '413 "10.0 MiB is above the limit of 1 MiB of a request\'s body"',
        ),
        (
            b"GET / HTTP/1.1\r\nHOST\r\nCookie: " + b"a" * 50_000 + b"\r\n\r\n",
            "header-too-large",
            '"the request\'s header is too large"',
        ),
        (
            (b"GET / HTTP/1.1\r\nHOST\r\n")
            + b"".join(b"X-%d: %s\r\n" % (n, b"a" * 5000) for n in range(9))
            + b"\r\n",
            "header-too-large",
            "the request's header is too large",
        ),
        (
            b"GET / HTTP/1.1\r\nHOST\r\nX: a\0b\r\n\r\n",
            "bad-request",
            ('400 "the request was not valid HTTP"'),
        ),
        (b"TRACE / HTTP/1.1\r\nHOST\r\n\r\n", "method-not-allowed", "TRACE / 405"),
    ],
)
def test_what_nginx_does_not_let_in(site: Site, request_bytes: bytes, code: str, text: str) -> None:
    with site.send(request_bytes) as visitor:
        answer = visitor.recv(65536)
    found, told = site.told()
    assert found == code
    assert text in told
    if code == "header-too-large":
        assert answer.startswith(b"HTTP/1.1 431 ")
        assert b"Remove the cookies" in answer


def test_what_visitors_write_cannot_be_taken_for_something_else(site: Site) -> None:
    for sent in (b'/"x', b"/\xff\xfe\x9b", "/\u202e\u009b".encode()):
        with site.send(
            b"GET " + sent + (b' HTTP/1.1\r\nHOST\r\nUser-Agent: \x1b[31m"\\\r\n\r\n')
        ) as visitor:
            visitor.recv(65536)
        code, told = site.told()
        assert code == "refused"
        assert told.isprintable()


def test_apps_that_nginx_answers_for(server: EmbeddedServer) -> None:
    fresh = Site(server, "fresh")
    record = {name: getattr(fresh.release, name) for name in fresh.release.__struct_fields__}
    files = Release(**{**record, "processes": {}, "static": {"/": "."}})
    server.layout.app(fresh.app).release(1).public.mkdir()
    server.layout.app(fresh.app).current.symlink_to("releases/v1")
    maintenance = Maintenance(since="2026-01-01T00:00:00Z", by="test", key="k" * 32)
    for release, code, settings in (
        (None, "not-deployed", {}),
        (Release(**{**record, "processes": {}}), "no-web", {}),
        (fresh.release, "stopped", {"stopped": True}),
        (fresh.release, "maintenance", {"maintenance": maintenance}),
        (files, "maintenance", {"maintenance": maintenance}),
        (files, "not-readable", {}),
    ):
        with_settings(server, fresh.app, **{"stopped": False, "maintenance": None, **settings})
        server.route(fresh.app, release)
        fresh.ask()
        assert fresh.told()[0] == code
    fresh.ask("/none.html")
    assert fresh.told()[0] == "no-such-file"


def test_a_worker_that_is_killed(server: EmbeddedServer) -> None:
    app = server.app("killed")
    release = server.release(app, 1, gunicorn(workers=1), KILLS_ITSELF)
    server.aim(app, "a", 1)
    server.host.hold_socket(app)
    server.host.start(app, "a")
    server.route(app, release)
    log = server.layout.app(app).logs / "nginx.access.log"
    for path in ("/kill", "/kill-midway"):
        server.ask(app, path)
    wait_until(lambda: len(log.read_bytes().splitlines()) == 2)
    before, midway = (
        reason(request) for line in log.read_bytes().splitlines() if (request := read(line))
    )
    assert before is not None
    assert before.code == "closed"
    assert midway is not None
    assert midway.code == "broke-off"


def test_the_app_knows_the_number_of_its_request(server: EmbeddedServer) -> None:
    app = server.serve("numbered", gunicorn(workers=1))
    _, body = server.ask(app, "/echo", headers="X-Request-ID: mine\r\n")
    (seen,) = (line for line in body.splitlines() if line.startswith("HTTP_X_REQUEST_ID="))
    log = server.layout.app(app).logs / "nginx.access.log"
    parsed = parse(log.read_bytes().splitlines()[-1])
    assert parsed is not None
    assert parsed.text.decode().endswith(f" id={seen.partition('=')[2]}")

"""nginx's files in a real nginx: what it takes, what it answers, what it says when a file is
wrong."""

import contextlib
import http.client
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from receiver.machine import files
from receiver.model.errors import ServerError
from receiver.model.names import AppName
from receiver.model.release import Release
from receiver.nginx import forwarded
from receiver.nginx import program as nginx
from receiver.nginx.router_lines import parse
from receiver.state import records
from tests.embedded.by_hand import gunicorn
from tests.embedded.embedded_server import (
    DOMAIN,
    EmbeddedServer,
    ask_raw,
    embedded_server,
    with_settings,
)

pytestmark = pytest.mark.embedded

TYPED = "blog.ship.test"


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedServer]:
    with embedded_server() as running:
        yield running


@pytest.fixture(scope="module")
def blog(server: EmbeddedServer) -> AppName:
    return server.serve("blog", gunicorn("--threads=4", workers=1))


@contextlib.contextmanager
def broken(path: Path, text: str) -> Iterator[None]:
    before = files.read_text(path)
    path.write_text(text)
    try:
        yield
    finally:
        if before is None:
            path.unlink()
        else:
            path.write_text(before)


def seen_by_app(server: EmbeddedServer, headers: str, host: str = TYPED) -> dict[str, str]:
    _, body = ask_raw(server.port, host, "/echo", headers=headers)
    return dict(line.split("=", 1) for line in body.splitlines())


def test_an_app_is_found_by_its_name(server: EmbeddedServer, blog: AppName) -> None:
    assert server.ask(blog) == (200, "v1")


@pytest.mark.parametrize(
    "host", ["blog2.ship.test", "xblog.ship.test", "ship.test", "127.0.0.2", ""]
)
def test_a_name_that_is_no_apps_gets_a_neutral_answer(
    server: EmbeddedServer, blog: AppName, host: str
) -> None:
    head, body = ask_raw(server.port, host)
    assert blog not in (head + body).replace(host, "")
    assert head.split()[1] == ("400" if not host else "404")
    assert "nginx/" not in head + body


FORGED = "6.6.6.6"
SPELLED = {
    "with hyphens": lambda name: name,
    "with underscores": lambda name: name.replace("-", "_"),
    "with a dot": lambda name: name.replace("-", ".", 1),
}


@pytest.fixture(scope="module", params=SPELLED, ids=lambda how: how.replace(" ", "-"))
def claims(server: EmbeddedServer, blog: AppName, request: pytest.FixtureRequest) -> dict[str, str]:
    """What the app sees of a visitor who claims everything at once."""
    assert blog
    spell = SPELLED[request.param]
    handled = {"Host", "Connection", "Upgrade"}  # a visitor has these of his own: see below
    names = [spell(name) for name in (*forwarded.SET, *forwarded.REMOVED) if name not in handled]
    seen: dict[str, str] = {}
    for some in (names[:60], names[60:]):
        sent = "".join(f"{name}: {FORGED}\r\n" for name in some)
        seen |= seen_by_app(server, sent + "X-Own: kept\r\n")
    assert seen["HTTP_X_OWN"] == "kept"
    return seen


@pytest.mark.parametrize("name", [*forwarded.SET, *forwarded.REMOVED])
def test_what_a_visitor_claims_is_not_passed_on(claims: dict[str, str], name: str) -> None:
    variable = "HTTP_" + name.upper().replace("-", "_")
    assert claims.get(variable) != FORGED
    assert (variable in claims) == (name in forwarded.SET and name != "Upgrade")


def test_what_nginx_knows_of_a_visitor_is_passed_on(
    server: EmbeddedServer, claims: dict[str, str]
) -> None:
    assert claims["HTTP_X_FORWARDED_FOR"] == claims["HTTP_X_REAL_IP"] == "127.0.0.1"
    assert claims["HTTP_X_FORWARDED_PROTO"] == "http"
    assert claims["HTTP_X_FORWARDED_HOST"] == claims["HTTP_HOST"] == TYPED
    assert claims["HTTP_X_FORWARDED_PORT"] == str(server.port)


def test_a_header_of_a_proxy_before_this_server_is_passed_on_where_somebody_says_so(
    server: EmbeddedServer,
) -> None:
    app = server.serve("behind", gunicorn(workers=1))
    with_settings(server, app, proxy_headers=("cf-connecting-ip",))
    server.route(app, server.release(app, 2, gunicorn()))
    sent = f"CF-Connecting-IP: {FORGED}\r\nTrue-Client-IP: {FORGED}\r\n"
    seen = seen_by_app(server, sent, f"{app}.{DOMAIN}")
    assert seen["HTTP_CF_CONNECTING_IP"] == FORGED
    assert "HTTP_TRUE_CLIENT_IP" not in seen


VISITOR = "203.0.113.9"
PROXY = "127.0.0.2"


@pytest.fixture(scope="module")
def proxied(server: EmbeddedServer) -> AppName:
    """An app of a server that knows a proxy before it; whoever else asks is 127.0.0.1."""
    path = server.layout.server_settings
    before = records.read_server(server.layout)
    trusted = msgspec.structs.replace(before, trusted_proxies=(PROXY, "10.1.0.0/16"))
    records.write_toml(path, trusted)
    vars(server).pop("server", None)  # it reads the file anew
    app = server.serve("proxied", gunicorn(workers=1))
    records.write_toml(path, before)
    vars(server).pop("server", None)
    return app


def of_proxy(server: EmbeddedServer, headers: str, peer: str) -> dict[str, str]:
    host = f"proxied.{DOMAIN}"
    request = f"GET /echo HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{headers}\r\n"
    with socket.create_connection(("127.0.0.1", server.port), 10, (peer, 0)) as connection:
        connection.sendall(request.encode())
        answer = b"".join(iter(lambda: connection.recv(65536), b"")).decode()
    return dict(line.split("=", 1) for line in answer.partition("\r\n\r\n")[2].splitlines())


@pytest.mark.parametrize(
    ("peer", "sent", "seen"),
    [
        (
            PROXY,
            f"X-Forwarded-Proto: https\r\nX-Forwarded-For: {VISITOR}\r\n",
            ("https", VISITOR, "443"),
        ),
        (PROXY, "X-Forwarded-Proto: HTTPS\r\nX-Forwarded-Port: 8443\r\n", ("https", PROXY, "8443")),
        (PROXY, "X-Forwarded-Proto: http, https\r\n", ("https", PROXY, "443")),
        (PROXY, "X-Forwarded-Proto: https, http\r\n", ("http", PROXY, "")),
        (PROXY, "X-Forwarded-Proto: gopher\r\n", ("http", PROXY, "")),
        # what a visitor claims stands before what the proxies add
        (PROXY, f"X-Forwarded-For: 1.2.3.4, {VISITOR}, 10.1.2.3\r\n", ("http", VISITOR, "")),
        (PROXY, "", ("http", PROXY, "")),
        (
            "127.0.0.1",
            f"X-Forwarded-Proto: https\r\nX-Forwarded-For: {VISITOR}\r\nX-Forwarded-Port: 443\r\n",
            ("http", "127.0.0.1", ""),
        ),
    ],
)
def test_scheme_and_address_reach_the_app_from_a_trusted_proxy_alone(
    server: EmbeddedServer, proxied: AppName, peer: str, sent: str, seen: tuple[str, str, str]
) -> None:
    assert proxied
    scheme, address, port = seen
    found = of_proxy(server, sent, peer)
    assert found["HTTP_X_FORWARDED_PROTO"] == found["wsgi.url_scheme"] == scheme
    assert found["HTTP_X_FORWARDED_FOR"] == found["HTTP_X_REAL_IP"] == address
    assert found["HTTP_X_FORWARDED_PORT"] == (port or str(server.port))


@pytest.mark.parametrize(
    "wanted", ["h2c", "websocket, h2c", "h2c, websocket", "TLS/1.3", "websocket2"]
)
def test_a_connection_becomes_a_websocket_or_stays_what_it_is(
    server: EmbeddedServer, blog: AppName, wanted: str
) -> None:
    assert blog
    sent = (
        f"Upgrade: {wanted}\r\nConnection: Upgrade, HTTP2-Settings\r\n"
        "HTTP2-Settings: AAMAAABkAAQAAP__\r\n"
    )
    seen = seen_by_app(server, sent)
    assert "HTTP_UPGRADE" not in seen
    assert "HTTP_HTTP2_SETTINGS" not in seen
    assert seen["HTTP_CONNECTION"] == "close"


@pytest.mark.parametrize(
    ("host", "passed"),
    [(TYPED, TYPED), (f"{TYPED}:8443", f"{TYPED}:8443"), ("BLOG.ship.test", "BLOG.ship.test")],
)
def test_the_app_sees_the_host_with_the_port_the_visitor_typed(
    server: EmbeddedServer, blog: AppName, host: str, passed: str
) -> None:
    assert blog
    assert seen_by_app(server, "", host)["HTTP_HOST"] == passed


def test_a_host_header_other_than_the_routed_host_is_not_passed_on(
    server: EmbeddedServer, blog: AppName
) -> None:
    request = (
        f"GET http://{blog}.{DOMAIN}/echo HTTP/1.1\r\nHost: evil.test\r\nConnection: close\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(request.encode())
        answer = b"".join(iter(lambda: connection.recv(65536), b"")).decode()
    assert "HTTP_HOST=blog.ship.test" in answer
    assert "evil" not in answer


def test_an_app_that_does_not_run_gets_a_page_that_says_so(server: EmbeddedServer) -> None:
    app = server.app("down")
    server.route(app, server.release(app, 1, gunicorn()))
    head, body = ask_raw(server.port, f"down.{DOMAIN}")
    assert head.split()[1] == "502"
    assert "down does not answer" in body
    assert "Retry-After: 5" in head
    assert "no-store" in head


def test_an_app_that_takes_too_long_gets_a_page_that_says_so(server: EmbeddedServer) -> None:
    app = server.app("slow")
    with_settings(server, app, read_timeout_s=1)
    server.route(app, server.release(app, 1, gunicorn()))
    with socket.create_server(("127.0.0.1", server.settings(app).port)):  # takes, and never answers
        status, body = server.ask(app)
    assert status == 504
    assert "within 1 seconds" in body


def test_an_app_without_a_release_says_that_it_waits(server: EmbeddedServer) -> None:
    app = server.app("fresh")
    server.route(app, None)
    assert server.ask(app)[0] == 404
    assert "waits for its first push" in server.ask(app)[1]


def test_a_body_above_the_limit_is_refused(server: EmbeddedServer, blog: AppName) -> None:
    assert blog
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    connection.putrequest("POST", "/", skip_host=True)
    connection.putheader("Host", TYPED)
    connection.putheader("Content-Length", str(101 * 1024 * 1024))
    connection.endheaders()
    assert connection.getresponse().status == 413
    connection.close()


def test_a_websocket_handshake_reaches_the_app(server: EmbeddedServer) -> None:
    app = server.app("socket")
    server.route(app, server.release(app, 1, gunicorn()))
    received: list[bytes] = []
    with socket.create_server(("127.0.0.1", server.settings(app).port)) as listener:

        def switch() -> None:
            taken, _ = listener.accept()
            with taken:
                received.append(taken.recv(65536))
                taken.sendall(
                    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                    b"Connection: Upgrade\r\n\r\n"
                )
                taken.sendall(taken.recv(5).upper())

        thread = threading.Thread(target=switch)
        thread.start()
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as visitor:
            visitor.sendall(
                (
                    f"GET / HTTP/1.1\r\nHost: {app}.{DOMAIN}\r\nUpgrade: websocket\r\n"
                    "Connection: Upgrade\r\n\r\n"
                ).encode()
            )
            assert b"101 Switching" in visitor.recv(65536)
            visitor.sendall(b"hello")
            assert visitor.recv(5) == b"HELLO"
        thread.join()
    assert b"Upgrade: websocket" in received[0]
    assert b"Connection: upgrade" in received[0]


@pytest.fixture(scope="module")
def static(server: EmbeddedServer) -> AppName:
    """An app that is files alone, and one folder of which is below a prefix."""
    app = server.app("pages")
    release = server.release(app, 1, None)
    public = server.layout.app(app).release(1).public
    for name in (
        "index.html",
        "about.html",
        "404.html",
        ".secret",
        "docs/index.html",
        ".well-known/x",
        "assets/app.css",
        "assets/app.0123456789ab.css",
        "assets/.git/config",
    ):
        path = public / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"this is {name}")
    files.link_atomically(server.layout.app(app).current, "releases/v1")
    record = {**{name: getattr(release, name) for name in release.__struct_fields__}}
    record["static"] = {"/": ".", "/static/": "assets"}
    server.route(app, Release(**record))
    return app


@pytest.mark.parametrize(
    ("path", "status", "text"),
    [
        ("/", 200, "this is index.html"),
        ("/about", 200, "this is about.html"),
        ("/docs/", 200, "this is docs/index.html"),
        ("/nothing", 404, "this is 404.html"),
        ("/.secret", 404, "this is 404.html"),
        ("/.well-known/x", 200, "this is .well-known/x"),
        ("/static/app.css", 200, "this is assets/app.css"),
        ("/static/.git/config", 404, "this is 404.html"),
        ("/static/none.css", 404, "this is 404.html"),
    ],
)
def test_static_files(
    server: EmbeddedServer, static: AppName, path: str, status: int, text: str
) -> None:
    assert server.ask(static, path) == (status, text)


@pytest.mark.parametrize(
    "path",
    [
        "/static../index.html",
        "/static/../../release.json",
        "/static/%2e%2e/%2e%2e/release.json",
        "/../release.json",
    ],
)
def test_nothing_above_the_public_folder_is_served(
    server: EmbeddedServer, static: AppName, path: str
) -> None:
    status, body = server.ask(static, path)
    assert status in {400, 404}
    assert "commit" not in body


def test_what_is_text_is_compressed(server: EmbeddedServer, static: AppName) -> None:
    public = server.layout.app(static).release(1).public
    sent = "Accept-Encoding: gzip\r\nVia: 1.1 proxy\r\n"
    for name, size, packed in (("a.js", 3000, True), ("a.json", 3000, True), ("b.css", 9, False)):
        (public / name).write_text("x" * size)
        head, _ = ask_raw(server.port, f"{static}.{DOMAIN}", f"/{name}", headers=sent)
        assert ("Content-Encoding: gzip" in head) == packed, name


def test_how_long_files_may_be_kept(server: EmbeddedServer, static: AppName) -> None:
    host = f"{static}.{DOMAIN}"
    plain, _ = ask_raw(server.port, host, "/static/app.css")
    assert "Cache-Control: no-cache" in plain
    assert "ETag:" in plain
    assert "immutable" in ask_raw(server.port, host, "/static/app.0123456789ab.css")[0]
    assert "Cache-Control" not in ask_raw(server.port, host, "/static/gone.0123456789ab.css")[0]
    (etag,) = (line for line in plain.splitlines() if line.startswith("ETag"))
    again, _ = ask_raw(
        server.port, host, "/static/app.css", headers=f"If-None-Match:{etag[5:]}\r\n"
    )
    assert again.split()[1] == "304"


def test_a_folder_without_its_slash_leads_there_by_whatever_port_was_typed(
    server: EmbeddedServer, static: AppName
) -> None:
    head, _ = ask_raw(server.port, f"{static}.{DOMAIN}:80", "/docs")
    assert "Location: /docs/" in head


def test_an_app_has_its_own_logs(server: EmbeddedServer, blog: AppName) -> None:
    server.ask(blog, "/a-page-to-remember")
    text = (server.layout.app(blog).logs / "nginx.access.log").read_text()
    line = next(line for line in text.splitlines() if "a-page-to-remember" in line)
    parsed = parse(line.encode())
    assert parsed is not None
    assert parsed.text.startswith(f"GET /a-page-to-remember 200 host={blog}.{DOMAIN} ".encode())


def test_names_longer_than_nginx_expects(server: EmbeddedServer) -> None:
    app = server.app("a23456789-a23456789-a234567")
    long = ".".join(["a" * 60] * 4)
    with_settings(server, app, domains=(long, *(f"name{n}.example.org" for n in range(300))))
    server.route(app, None)
    assert ask_raw(server.port, long)[0].split()[1] == "404"
    assert "waits for its first push" in ask_raw(server.port, long)[1]


def test_a_reload_is_over_when_it_returns(server: EmbeddedServer, blog: AppName) -> None:
    release = server.release(blog, 9, gunicorn())
    for number in range(5):
        with_settings(server, blog, domains=(f"again{number}.test",))
        server.route(blog, release)
        answers = {ask_raw(server.port, f"again{number}.test")[1] for _ in range(8)}
        assert answers == {"v1"}


def test_an_error_in_the_apps_own_file_names_it(server: EmbeddedServer, blog: AppName) -> None:
    with (
        broken(server.layout.site(blog), "server { listen nowhere:http:x; }"),
        pytest.raises(ServerError) as caught,
    ):
        nginx.test(server.layout, blog)
    assert caught.value.reason == "server/nginx-refused"
    assert "line 1" in caught.value.detail


def test_an_error_elsewhere_is_not_put_on_the_app(server: EmbeddedServer, blog: AppName) -> None:
    other = server.layout.sites_enabled / "hand-made.conf"
    with broken(other, "\nservre {}\n"), pytest.raises(ServerError) as caught:
        nginx.test(server.layout, blog)
    assert caught.value.reason == "server/nginx-broken-elsewhere"
    assert f"{other}, line 2" in caught.value.detail
    assert server.ask(blog) == (200, "v1")


def test_a_reload_of_what_does_not_run(server: EmbeddedServer) -> None:
    nobody = type(server.layout).embedded(server.root / "elsewhere")
    with pytest.raises(ServerError) as caught:
        nginx.reload(nobody)
    assert caught.value.reason == "server/nginx-not-running"


def test_complaints_without_a_place() -> None:
    said = (
        "nginx: [emerg] bind() to 0.0.0.0:80 failed (98: Address already in use)\n"
        "nginx: configuration file test failed\n"
    )
    complaint = nginx.read_complaint(said)
    assert complaint.file is None
    assert complaint.text.startswith("bind()")

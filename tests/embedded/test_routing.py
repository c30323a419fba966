"""Routing settings at a real nginx, as people type and push them, and as visitors meet them."""

import http.client
import json
import shutil
import socket
import ssl
import time
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import NamedTuple, get_type_hints

import pytest
from msgspec.inspect import IntType, type_info

from receiver.apps.parts.site import Site
from receiver.changes.app_state import state_of
from receiver.model.names import AppName
from receiver.model.routing import Routing
from receiver.state import records
from tests.authority import OwnAuthority
from tests.checkout import Checkout
from tests.embedded.embedded_server import (
    DOMAIN,
    EmbeddedServer,
    embedded_server,
    own_name,
)
from tests.ports import free_port

pytestmark = pytest.mark.embedded

APP = """
import os
import time

seen = []

def app(environ, start_response):
    path = environ["PATH_INFO"]
    headers = [("X-Frame-Options", "SAMEORIGIN"), ("X-Powered-By", "test")]
    if path == "/stream":
        start_response("200 OK", [*headers, ("Content-Type", "text/event-stream")])
        return stream()
    if path == "/echo":
        body = str(environ.get("HTTP_AUTHORIZATION")).encode()
        start_response("200 OK", [("Content-Length", str(len(body)))])
        return [body]
    if path.startswith("/counted"):
        seen.append(path)
        more = [("Set-Cookie", "a=b")] if path.endswith("cookie") else []
        body = str(len(seen)).encode()
        start_response("200 OK", [*more, ("Content-Length", str(len(body)))])
        return [body]
    if path == "/ends":
        os._exit(1)
    if path == "/waits":
        time.sleep(3)
    body = b"x" * 5000 if path == "/large" else b"page " + path.encode()
    start_response("200 OK", [
        *headers, ("Content-Type", "text/css"), ("Content-Length", str(len(body))),
    ])
    return [body]

def stream():
    for number in range(3):
        yield f"data: {number}\\n\\n".encode()
        time.sleep(2)
"""
FILES: dict[str, str | bytes | None] = {
    "app.py": APP,
    "requirements.txt": "",
    "Procfile": "web: gunicorn --workers=1 --threads=4 app:app\n",
    "static/site.css": "body { color: red }",
    "static/site-0123456789abcdef.css": "body { color: blue }",
}
STATIC = "[static]\n'/static/' = 'static'\n"


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: str


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedServer]:
    with embedded_server(https_port=free_port()) as running:
        yield running


@pytest.fixture(scope="module")
def published(server: EmbeddedServer) -> str:
    server.publish("blog", {**FILES, "ship.toml": STATIC})
    return "blog"


@pytest.fixture
def app(server: EmbeddedServer, published: str) -> Iterator[str]:
    """An app with a process and a static folder, and without settings."""
    yield published
    if own := records.read_app(server.paths(published)).own_routing:
        ship(server, "nginx:unset", *own, "-a", published)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> OwnAuthority:
    return OwnAuthority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def laptop(server: EmbeddedServer, request: pytest.FixtureRequest) -> Checkout:
    """A checkout of such an app of the test's own."""
    return server.publish(own_name(request), {**FILES, "ship.toml": STATIC})


def name_of(laptop: Checkout) -> str:
    return laptop.folder.name.removeprefix("checkout-")


def ship(server: EmbeddedServer, *words: str, given: str = "", status: int = 0) -> str:
    done = server.ship(*words, given=given.encode())
    assert done.status == status, done.out + done.err
    return done.out + done.err


def visit(
    server: EmbeddedServer,
    app: str,
    path: str = "/",
    method: str = "GET",
    *,
    https: bool = False,
    sent: Mapping[str, str] | None = None,
) -> Answer:
    host = app if "." in app else f"{app}.{DOMAIN}"
    with closing(_connection(server, host, https=https)) as connection:
        connection.request(method, path, headers={"Host": host, **(sent or {})})
        answer = connection.getresponse()
        found = {name.lower(): value for name, value in answer.getheaders()}
        return Answer(answer.status, found, answer.read().decode(errors="replace"))


def _connection(
    server: EmbeddedServer, host: str = "", *, https: bool = False
) -> http.client.HTTPConnection:
    """A connection; by https one that asks for the certificate of a name, and takes any."""
    if not https:
        return http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    blind = ssl.create_default_context()
    blind.check_hostname, blind.verify_mode = False, ssl.CERT_NONE
    plain = socket.create_connection(("127.0.0.1", server.https_port), timeout=10)
    connection = http.client.HTTPConnection(host)
    connection.sock = blind.wrap_socket(plain, server_hostname=host)
    return connection


def push(laptop: Checkout, nginx: str, **files: str | None) -> str:
    laptop.commit({"ship.toml": f"{STATIC}{nginx}\n", **files})
    pushed = laptop.push()
    assert pushed.status == 0, pushed.text
    return pushed.text


def shown(server: EmbeddedServer, app: str) -> dict[str, tuple[object, str]]:
    rows = json.loads(ship(server, "nginx:show", "-a", app, "--json"))
    return {row["name"]: (row["value"], row["from"]) for row in rows}


def test_what_is_set_holds_at_once_and_the_code_counts_again_after_unset(
    server: EmbeddedServer, laptop: Checkout
) -> None:
    app = name_of(laptop)
    push(laptop, "[nginx]\nmax_body_mb = 1\n[nginx.headers]\nX-Own = 'code'")
    body = "x" * (2 * 1024 * 1024)
    assert too_large(server, app, body)
    said = ship(server, "nginx:set", "max_body_mb=3", "headers.X-Own=server", "-a", app)
    assert said == (f"max_body_mb:   3\nheaders.X-Own: server\nUpdated nginx for {app}.\n")
    assert not too_large(server, app, body)
    assert visit(server, app).headers["x-own"] == "server"
    assert shown(server, app)["max_body_mb"] == (3, "nginx:set")
    said = ship(server, "nginx:unset", "max_body_mb", "headers.X-Own", "-a", app)
    assert said.startswith("max_body_mb:   1\nheaders.X-Own: code\n")
    assert too_large(server, app, body)
    assert visit(server, app).headers["x-own"] == "code"
    assert "gzip is not set" in ship(server, "nginx:unset", "gzip", "-a", app, status=20)
    lines = ship(server, "nginx:show", "-a", app).splitlines()
    assert lines[0].split()[:3] == ["max_body_mb", "1", "ship.toml"]
    assert lines[0].endswith("Size limit, in MiB, of a request's body.")


def too_large(server: EmbeddedServer, app: str, body: str) -> bool:
    with closing(_connection(server)) as connection:
        connection.putrequest("POST", "/", skip_host=True)
        connection.putheader("Host", f"{app}.{DOMAIN}")
        connection.putheader("Content-Length", str(len(body)))
        connection.endheaders()
        connection.sock.settimeout(2)
        try:
            return connection.getresponse().status == 413
        except TimeoutError:  # it waits for the body
            return False


def test_a_line_of_app_toml_goes_on_to_count_and_gives_way_to_nginx_set(
    server: EmbeddedServer, app: str
) -> None:
    path = server.paths(app).settings
    path.write_text(path.read_text().replace("max_body_mb = 100", "max_body_mb = 7"))
    assert shown(server, app)["max_body_mb"] == (7, "nginx:set")
    ship(server, "nginx:set", "max_body_mb=8", "-a", app)
    assert records.read_app(server.paths(app)).max_body_mb == 100
    ship(server, "nginx:unset", "max_body_mb", "-a", app)
    assert shown(server, app)["max_body_mb"] == (100, "default")


def test_a_rollback_brings_the_settings_of_its_release_back(
    server: EmbeddedServer, laptop: Checkout
) -> None:
    app = name_of(laptop)
    push(laptop, "[nginx.headers]\nX-Own = 'two'")
    push(laptop, "[nginx.headers]\nX-Own = 'three'")
    assert visit(server, app).headers["x-own"] == "three"
    server.rollback(AppName(app))
    assert visit(server, app).headers["x-own"] == "two"
    server.rollback(AppName(app), 1)
    assert "x-own" not in visit(server, app).headers


def test_headers_replace_those_of_the_app_and_are_in_every_answer(
    server: EmbeddedServer, app: str
) -> None:
    policy = "default-src 'self'; img-src \"x\\\""
    ship(
        server,
        "nginx:set",
        *("headers.X-Frame-Options=DENY", "headers.X-Powered-By="),
        f"headers.Content-Security-Policy={policy}",
        *("-a", app),
    )
    for path in ("/", "/static/site.css", "/static/none.css"):
        headers = visit(server, app, path).headers
        assert headers["x-frame-options"] == "DENY", "once, or http.client joins them"
        assert headers["content-security-policy"] == policy
        assert "x-powered-by" not in headers
    ship(server, "ps:stop", "-a", app)
    stopped = visit(server, app)
    ship(server, "ps:start", "-a", app)
    assert (stopped.status, stopped.headers["x-frame-options"]) == (503, "DENY")


def test_hsts_is_said_by_https_alone_and_warned_of(
    server: EmbeddedServer, laptop: Checkout
) -> None:
    app = name_of(laptop)
    said = ship(server, "nginx:set", "hsts=31536000", "-a", app)
    assert "will refuse http for 365 days." in said
    for path in ("/", "/static/site.css"):
        secure = visit(server, app, path, https=True)
        assert secure.headers["strict-transport-security"] == "max-age=31536000"
        assert "strict-transport-security" not in visit(server, app, path).headers
    ship(server, "nginx:set", "hsts=0", "-a", app)
    assert "strict-transport-security" not in visit(server, app, https=True).headers
    assert "This cannot be taken back" in push(laptop, "[nginx]\nhsts = 600")
    assert "This cannot be taken back" not in push(laptop, "[nginx]\nhsts = 601")


def test_gzip_and_buffering_can_be_switched_off(server: EmbeddedServer, app: str) -> None:
    accepting = {"Accept-Encoding": "gzip"}
    assert visit(server, app, "/large", sent=accepting).headers["content-encoding"] == "gzip"
    ship(server, "nginx:set", "gzip=off", "buffering=off", "-a", app)
    assert "content-encoding" not in visit(server, app, "/large", sent=accepting).headers
    with closing(_connection(server)) as connection:
        connection.request("GET", "/stream", headers={"Host": f"{app}.{DOMAIN}"})
        connection.sock.settimeout(1.5)  # less than the app waits before its second line
        assert connection.getresponse().read(9) == b"data: 0\n\n"


def test_a_change_that_nginx_refuses_leaves_all_as_it_was(server: EmbeddedServer, app: str) -> None:
    site, settings = server.layout.site(AppName(app)), server.paths(app).settings
    before = site.read_text(), settings.read_text()
    stranger = server.layout.sites_enabled / "zz-stranger.conf"
    stranger.write_text("nonsense;\n")
    try:
        said = ship(server, "nginx:set", "gzip=off", "-a", app, status=8)
    finally:
        stranger.unlink()
    assert "zz-stranger.conf" in said
    assert (site.read_text(), settings.read_text()) == before
    assert not server.paths(app).journal.exists()


def files_too(server: EmbeddedServer, app: str, sent: Mapping[str, str] | None = None) -> set[int]:
    """How a page and a file are answered."""
    return {visit(server, app, path, sent=sent).status for path in ("/", "/static/site.css")}


def proof(server: EmbeddedServer, app: str) -> Answer:
    """What an authority sees."""
    server.layout.challenges.joinpath(".well-known/acme-challenge").mkdir(
        parents=True, exist_ok=True
    )
    server.layout.challenges.joinpath(".well-known/acme-challenge/token").write_text("proof")
    return visit(server, app, "/.well-known/acme-challenge/token")


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (("allow=203.0.113.7",), 403),
        (("allow=127.0.0.0/8",), 200),
        (("deny=127.0.0.1",), 403),
        (("allow=127.0.0.0/8", "deny=127.0.0.1"), 403),
        (("allow=127.0.0.1", "deny=127.0.0.0/8"), 200),
        (("allow=127.0.0.1", "deny=127.0.0.1"), 403),
    ],
)
def test_addresses_are_let_in_or_refused(
    server: EmbeddedServer, app: str, words: tuple[str, ...], status: int
) -> None:
    ship(server, "nginx:set", *words, "-a", app)
    assert files_too(server, app) == {status}
    assert files_too(server, app, {"X-Ship-Check": "0" * 32}) == {status}
    assert proof(server, app).body == "proof"
    if status == 403:
        assert "Your address is not allowed to visit this site." in visit(server, app).body
        lines = ship(server, "logs", "--source", "router", "-a", app, "-n", "10")
        assert "the visitor's address is not allowed" in lines


def test_a_push_and_doctor_pass_what_keeps_visitors_out(
    server: EmbeddedServer, laptop: Checkout
) -> None:
    app = name_of(laptop)
    ship(server, "nginx:auth", "anna", "-a", app, given="secret\n")
    said = push(laptop, "[nginx]\nallow = ['203.0.113.7']")
    assert "GET / through nginx answered 200." in said
    assert files_too(server, app) == {403}
    assert "403" not in ship(server, "doctor", "-a", app)
    ship(server, "maintenance:on", "-a", app)
    assert "through nginx answered 200." in push(laptop, "[nginx]\nallow = ['203.0.113.8']")
    ship(server, "maintenance:off", "-a", app)
    push(laptop, "")
    assert files_too(server, app) == {401}


def test_a_password_is_asked_for_and_is_nobodys_but_nginx(server: EmbeddedServer, app: str) -> None:
    said = ship(server, "nginx:auth", "anna", "-a", app, given="secret: of anna\n")
    assert said.startswith(f"{app} now asks visitors for a name and password")
    right = {"Authorization": "Basic " + b64encode(b"anna:secret: of anna").decode()}
    wrong = {"Authorization": "Basic " + b64encode(b"anna:secret").decode()}
    assert files_too(server, app) == files_too(server, app, wrong) == {401}
    assert files_too(server, app, right) == {200}
    assert visit(server, app, "/echo", sent=right).body == "None"
    assert proof(server, app).body == "proof"
    assert 'realm="Visitors of blog"' in visit(server, app).headers["www-authenticate"]
    path = server.paths(app).passwords
    assert path.stat().st_mode & 0o777 == 0o640
    assert "secret" not in path.read_text() + server.paths(app).settings.read_text()
    assert shown(server, app)["auth"] == (["anna"], "nginx:auth")
    ship(server, "maintenance:on", "-a", app)
    assert files_too(server, app) == {503}
    ship(server, "maintenance:off", "-a", app)
    assert "The password of anna" in ship(server, "nginx:auth", "anna", "-a", app, given="new")
    assert files_too(server, app, right) == {401}
    said = ship(server, "nginx:auth:remove", "anna", "-a", app)
    assert said.endswith(f"No visitors are left: {app} is open to everyone.\n")
    assert files_too(server, app) == {200}
    assert not path.exists()
    assert "has no password" in ship(server, "nginx:auth:remove", "anna", "-a", app, status=20)


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("an:na", "x"),
        ("anna\n", "x"),
        ("-anna", "x"),
        ("anna", ""),
        ("anna", "a\nb"),
        ("anna", "x" * 129),
    ],
)
def test_a_strange_name_or_password_is_refused(
    server: EmbeddedServer, app: str, name: str, given: str
) -> None:
    assert ship(server, "nginx:auth", "-a", app, "--", name, given=given, status=2)
    assert not server.paths(app).passwords.exists()


def test_a_clone_takes_settings_and_passwords_along_and_a_rename_keeps_them(
    server: EmbeddedServer, laptop: Checkout
) -> None:
    app = name_of(laptop)
    push(laptop, "[nginx.headers]\nX-Own = 'code'")
    ship(server, "nginx:set", "headers.X-More=server", "-a", app)
    ship(server, "nginx:auth", "anna", "-a", app, given="secret")
    ship(server, "apps:clone", app, f"{app}-b")
    right = {"Authorization": "Basic " + b64encode(b"anna:secret").decode()}
    assert files_too(server, f"{app}-b") == {401}
    assert files_too(server, f"{app}-b", right) == {200}
    ship(server, "apps:rename", f"{app}-b", f"{app}-c")
    assert files_too(server, f"{app}-c") == {401}
    assert files_too(server, f"{app}-c", right) == {200}
    headers = visit(server, f"{app}-c", sent=right).headers
    assert (headers["x-own"], headers["x-more"]) == ("code", "server")


def test_an_address_that_asks_too_often_is_told_when_to_come_again(
    server: EmbeddedServer, app: str
) -> None:
    ship(server, "nginx:set", "rate=1", "burst=2", "-a", app)
    answers = [visit(server, app) for _ in range(6)]
    assert [it.status for it in answers[:3]] == [200, 200, 200]
    refused = answers[-1]
    assert (refused.status, refused.headers["retry-after"]) == (429, "1")
    assert "Please try again in a second." in refused.body
    assert visit(server, app, "/static/site.css").status == 200, "files are not counted"
    assert proof(server, app).status == 200
    assert "exceeded its request rate" in ship(
        server, "logs", "--source", "router", "-a", app, "-n", "20"
    )
    time.sleep(1.2)
    assert visit(server, app).status == 200


def test_addresses_that_have_moved_are_sent_on(server: EmbeddedServer, app: str) -> None:
    moved = ("redirects./old=/new", "redirects./shop.html=https://shop.example/?a=b")
    ship(server, "nginx:set", *moved, "-a", app)
    get = visit(server, app, "/old?c=d")
    assert (get.status, get.headers["location"]) == (301, "/new?c=d")
    assert visit(server, app, "/old", "POST").status == 308
    assert visit(server, app, "/shop.html").headers["location"] == "https://shop.example/?a=b"
    assert visit(server, app, "/older").status == 200
    ship(server, "nginx:unset", "redirects./old", "-a", app)
    assert visit(server, app, "/old").status == 200
    assert visit(server, app, "/shop.html").status == 301


def test_chosen_pages_are_kept_for_some_seconds(server: EmbeddedServer, app: str) -> None:
    ship(server, "nginx:set", "cache./counted/=600", "headers.X-Own=a", "-a", app)
    first = visit(server, app, "/counted/page")
    again = visit(server, app, "/counted/page")
    assert (first.headers["x-cache"], again.headers["x-cache"]) == ("MISS", "HIT")
    assert again.body == first.body
    assert again.headers["x-own"] == "a"
    for sent in ({"Cookie": "a=b"}, {"Authorization": "Bearer x"}):
        passed = visit(server, app, "/counted/page", sent=sent)
        assert (passed.headers["x-cache"], passed.body == first.body) == ("BYPASS", False)
    assert visit(server, app, "/counted/page").body == first.body
    cookies = {visit(server, app, "/counted/cookie").body for _ in range(3)}
    assert len(cookies) == 3, "an answer that sets a cookie is one visitor's"
    assert len({visit(server, app, "/counted").body for _ in range(2)}) == 2


def test_a_page_that_is_too_old_is_shown_until_there_is_a_newer_one(
    server: EmbeddedServer, app: str
) -> None:
    ship(server, "nginx:set", "cache./counted/short=1", "-a", app)
    first = visit(server, app, "/counted/short")
    answers = [first]
    while (last := visit(server, app, "/counted/short")).body == first.body:
        answers.append(last)
        time.sleep(0.02)
    assert [it.headers["x-cache"] for it in answers].count("STALE") >= 1
    assert {it.headers["x-cache"] for it in answers[1:]} <= {"HIT", "STALE", "UPDATING"}


def test_nothing_of_a_cache_is_left_of_an_app(server: EmbeddedServer, laptop: Checkout) -> None:
    app = name_of(laptop)
    push(laptop, "[nginx.cache]\n'/' = 5")
    assert visit(server, app).headers["x-cache"] == "MISS"
    folder = server.layout.nginx_cache(AppName(app))
    assert any(folder.iterdir())
    ship(server, "apps:rename", app, f"{app}-c")
    assert not folder.exists()
    renamed = server.layout.nginx_cache(AppName(f"{app}-c"))
    assert visit(server, f"{app}-c").headers["x-cache"] == "MISS"
    assert renamed.exists()
    ship(server, "apps:destroy", f"{app}-c", "--confirm", f"{app}-c")
    assert not renamed.exists()


def test_browsers_keep_files_as_long_as_is_set(server: EmbeddedServer, app: str) -> None:
    def told(path: str) -> str:
        return visit(server, app, f"/static/{path}").headers["cache-control"]

    assert told("site.css") == "no-cache"
    ship(server, "nginx:set", "static_cache=60", "-a", app)
    assert told("site.css") == "public, max-age=60"
    assert told("site-0123456789abcdef.css") == "public, max-age=31536000, immutable"
    ship(server, "nginx:set", "allow=127.0.0.1", "-a", app)
    assert told("site.css") == "private, max-age=60"
    assert told("site-0123456789abcdef.css") == "private, max-age=31536000, immutable"


@pytest.mark.parametrize("end", ["ge", "le"])
def test_nginx_takes_each_number_at_both_its_ends(
    server: EmbeddedServer, app: str, end: str
) -> None:
    numbers = {
        name: getattr(kind, end)
        for name, hint in get_type_hints(Routing, include_extras=True).items()
        if isinstance(kind := getattr(type_info(hint), "type", None), IntType)
    }
    assert {"max_body_mb", "rate", "burst", "hsts"} <= numbers.keys()
    numbers["rate"] = numbers["rate"] or 1  # with none, burst is of no use
    ship(server, "nginx:set", *(f"{name}={value}" for name, value in numbers.items()), "-a", app)
    assert {name: int(str(shown(server, app)[name][0])) for name in numbers} == numbers


def test_all_settings_stand_beside_each_other(server: EmbeddedServer, app: str) -> None:
    words = (
        "max_body_mb=5 read_timeout_s=5 buffering=off gzip=off hsts=5 headers.X-A=b deny=192.0.2.1"
        " allow=127.0.0.0/8,::1 rate=50 burst=5 redirects./a=/b cache./c/=1 cache./c=1 cache./=1"
        " static_cache=5 www=add"
    )
    ship(server, "nginx:auth", "anna", "-a", app, given="secret")
    ship(server, "nginx:set", *words.split(), "-a", app)
    ship(server, "maintenance:on", "--allow", "127.0.0.1", "-a", app)
    right = {"Authorization": "Basic " + b64encode(b"anna:secret").decode()}
    assert files_too(server, app) == {401}
    assert files_too(server, app, right) == {200}
    ship(server, "maintenance:off", "-a", app)
    ship(server, "nginx:auth:remove", "anna", "-a", app)
    assert {name for name, (_, source) in shown(server, app).items() if source == "default"} == {
        "auth",
        "snippets",
    }


def test_of_www_and_the_bare_name_one_sends_visitors_on(
    server: EmbeddedServer, laptop: Checkout, authority: OwnAuthority
) -> None:
    app, bare, www = name_of(laptop), "pair.example", "www.pair.example"
    assert "has no pair NAME and www.NAME" in ship(server, "nginx:set", "www=remove", "-a", app)
    ship(server, "domains:add", bare, www, "-a", app)

    def sent_to(name: str, *, https: bool = False, method: str = "GET") -> tuple[int, str]:
        answer = visit(server, name, "/a?b=c", method, https=https)
        return answer.status, answer.headers.get("location", "")

    by_http, by_https = f"http://{bare}:{server.port}", f"https://{bare}:{server.https_port}"
    assert sent_to(www) == (301, f"{by_http}/a?b=c")
    assert sent_to(www, method="POST") == (308, f"{by_http}/a?b=c")
    assert sent_to(www, https=True) == (301, f"{by_https}/a?b=c")
    assert sent_to(bare) == sent_to(bare, https=True) == (200, "")
    assert visit(server, www, "/.well-known/acme-challenge/none").status == 404
    ship(server, "certs:add", "-a", app, given=authority.certificate(bare))
    assert sent_to(www) == sent_to(www, https=True) == (301, f"{by_https}/a?b=c")
    push(laptop, "[nginx]\nwww = 'add'")
    ship(server, "nginx:unset", "www", "-a", app)
    assert sent_to(bare, https=True) == (301, f"https://{www}:{server.https_port}/a?b=c")
    assert sent_to(www) == (200, "")
    assert visit(server, app).status == 200


def test_pages_of_the_apps_own_are_shown_for_errors_of_nginx(
    server: EmbeddedServer, laptop: Checkout
) -> None:
    app = name_of(laptop)
    own = {f"errors/{status}.html": f"<h1>own {status} ü</h1>" for status in (404, 502, 503, 504)}
    push(laptop, "[nginx]\nread_timeout_s = 1\n[nginx.headers]\nX-Own = 'a'", **own)

    def answers() -> list[Answer]:
        found = [visit(server, app, path) for path in ("/static/none", "/ends", "/waits")]
        ship(server, "ps:stop", "web", "-a", app)
        found.append(visit(server, app))
        ship(server, "ps:start", "web", "-a", app)
        return found

    found = answers()
    assert [it.status for it in found] == [404, 502, 504, 503]
    for it in found:
        assert it.body == f"<h1>own {it.status} ü</h1>"
        assert it.headers["content-type"] == "text/html; charset=utf-8"
        assert (it.headers["cache-control"], it.headers["x-own"]) == ("no-store", "a")
    assert found[1].headers["retry-after"] == "5"
    assert visit(server, app, "/.ship-error/502").status == 404
    server.rollback(AppName(app))
    assert not any("own" in visit(server, app, path).body for path in ("/static/none", "/ends"))
    server.rollback(AppName(app), 2)
    assert visit(server, app, "/ends").body == "<h1>own 502 ü</h1>"
    said = push(laptop, "", **{"errors/502.html": "", "errors/504.html": None})
    assert "errors/502.html is not shown to visitors: it has 0 bytes" in said
    assert "does not answer" in visit(server, app, "/ends").body


def test_a_site_of_files_has_its_page_for_what_is_not_there(
    server: EmbeddedServer, request: pytest.FixtureRequest
) -> None:
    laptop = server.publish(
        own_name(request), {"index.html": "home", "errors/404.html": "own", "static.json": "{}"}
    )
    answer = visit(server, name_of(laptop), "/none")
    assert (answer.status, answer.body) == (404, "own")


@pytest.fixture
def snippets(server: EmbeddedServer, app: str) -> Iterator[Path]:
    """The folder of the operator's own lines for the app."""
    folder = server.layout.snippets(AppName(app))
    folder.mkdir(parents=True)
    yield folder
    shutil.rmtree(folder)
    ship(server, "nginx:apply", "-a", app)


def test_lines_of_the_operators_own_count_from_the_next_change_on(
    server: EmbeddedServer, app: str, snippets: Path
) -> None:
    snippets.joinpath("10-hello.conf").write_text("location = /hello {\n    return 204;\n}\n")
    snippets.joinpath("notes.txt").write_text("nonsense")
    assert visit(server, app, "/hello").status == 200
    assert "Applied the nginx settings" in ship(server, "nginx:apply", "-a", app)
    assert visit(server, app, "/hello").status == 204
    assert visit(server, app, "/hello", https=True).status == 204
    assert "Nothing to do" in ship(server, "nginx:apply", "-a", app)
    assert shown(server, app)["snippets"][0] == [str(snippets / "10-hello.conf")]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("# a word\nnonsense on;\n", 'Line 2: unknown directive "nonsense"'),
        ("location / { return 204; }", 'Line 1: duplicate location "/"'),
        ("location /x { return 204;", "unexpected end of file"),
        ("return 204; }", 'unexpected "}"'),
        ("return 200 $nothing_such;", 'unknown "nothing_such" variable'),
    ],
)
def test_a_broken_file_of_the_operators_is_named_and_nothing_has_changed(
    server: EmbeddedServer, app: str, snippets: Path, text: str, told: str
) -> None:
    fine, broken = snippets / "a.conf", snippets / "b.conf"
    fine.write_text("location = /hello { return 204; }\n")
    ship(server, "nginx:apply", "-a", app)
    broken.write_text(text)
    site = server.layout.site(AppName(app))
    before = site.read_text()
    said = ship(server, "nginx:set", "gzip=off", "-a", app, status=8)
    broken.unlink()
    assert f"nginx refused {broken}." in said
    assert told in said
    assert "server/nginx-snippet" in said
    assert site.read_text() == before
    assert visit(server, app, "/hello").status == 204
    assert shown(server, app)["gzip"] == (True, "default")


def test_what_is_broken_for_one_app_holds_up_no_other(
    server: EmbeddedServer, laptop: Checkout, snippets: Path
) -> None:
    own = server.layout.snippets(AppName(name_of(laptop)))
    own.mkdir()
    own.joinpath("a.conf").write_text("location = /hello { return 204; }\n")
    snippets.joinpath("b.conf").write_text("nonsense on;\n")
    push(laptop, "[nginx]\ngzip = false")
    assert visit(server, name_of(laptop), "/hello").status == 204
    snippets.joinpath("b.conf").unlink()
    own.joinpath("a.conf").write_text("nonsense on;\n")
    laptop.commit({"more": "one"})
    pushed = laptop.push()
    assert (pushed.status, "nginx refused" in pushed.text) == (1, True)
    assert str(own / "a.conf") in pushed.text
    assert visit(server, name_of(laptop), "/hello").status == 204


def test_a_folder_of_the_storage_is_served_as_it_is(
    server: EmbeddedServer, laptop: Checkout
) -> None:
    app = name_of(laptop)
    laptop.commit({"ship.toml": "[static]\n'/media/' = 'storage:up/media'\n"})
    assert laptop.push().status == 0
    media = server.paths(app).storage / "up/media"
    assert visit(server, app, "/media/a.txt").status == 404
    media.joinpath("a.txt").write_text("one")
    answer = visit(server, app, "/media/a.txt")
    assert (answer.status, answer.body) == (200, "one")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-cache"
    media.parent.joinpath("notes.txt").write_text("private")
    media.joinpath(".hidden").write_text("private")
    media.joinpath("inside.txt").symlink_to("a.txt")
    media.joinpath("outside.txt").symlink_to("../notes.txt")
    media.joinpath("up").symlink_to("..")
    for way in ("inside.txt", "outside.txt", "up/notes.txt"):
        assert visit(server, app, f"/media/{way}").status in {403, 404}, way
    assert visit(server, app, "/media/.hidden").status == 404
    for way in ("../notes.txt", "%2e%2e/notes.txt", "..%2fnotes.txt"):
        assert "private" not in visit(server, app, f"/media/{way}").body, way
    ship(server, "nginx:set", "deny=127.0.0.1", "-a", app)
    assert visit(server, app, "/media/a.txt").status == 403
    ship(server, "nginx:unset", "deny", "-a", app)
    media.rename(media.with_name("elsewhere"))
    media.symlink_to("elsewhere")
    assert visit(server, app, "/media/a.txt").status in {403, 404}
    server.rollback(AppName(app))
    assert visit(server, app, "/media/a.txt").body == "page /media/a.txt"


def test_an_upgrade_leaves_an_app_alone_whose_lines_are_broken(
    server: EmbeddedServer, app: str, snippets: Path
) -> None:
    snippets.joinpath("a.conf").write_text("nonsense on;\n")
    site = server.layout.site(AppName(app))
    before = site.read_text()
    told = list(Site().renew([state_of(server.server, AppName(app))], dry_run=False))
    assert told[0] == f"write {site}"
    assert told[1].startswith(f"leave nginx's file of {app} as it was: nginx refused {snippets}")
    assert site.read_text() == before

"""Maintenance on the whole way: what visitors see, what the app and a push go on doing behind
it."""

import http.client
import json

import pytest

from receiver.apps import renaming
from receiver.model.names import AppName
from tests.checkout import Checkout
from tests.embedded.embedded_server import EmbeddedServer, own_name
from tests.embedded.pushing import wsgi

pytestmark = pytest.mark.embedded


@pytest.fixture
def laptop(server: EmbeddedServer, request: pytest.FixtureRequest) -> Checkout:
    """A checkout of an app of the test's own, pushed once."""
    return server.publish(own_name(request), wsgi("one"))


def name(laptop: Checkout) -> str:
    return laptop.folder.name.removeprefix("checkout-")


def ship(server: EmbeddedServer, *words: str, given: str = "", status: int = 0) -> str:
    done = server.ship(*words, given=given.encode())
    assert done.status == status, done.out + done.err
    return done.out + done.err


def ask(
    server: EmbeddedServer, app: str, path: str = "/", method: str = "GET", **headers: str
) -> tuple[int, dict[str, str], str]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    host = f"{app}.{server.server.settings.domain}"
    body = b"x" * 4096 if method == "POST" else None
    connection.request(method, path, body=body, headers={"Host": host, **headers})
    answer = connection.getresponse()
    found = answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read().decode()
    connection.close()
    return found


def test_visitors_see_a_page_until_it_is_off(server: EmbeddedServer, laptop: Checkout) -> None:
    app = name(laptop)
    assert ship(server, "maintenance", "-a", app) == "off\n"
    said = ship(server, "maintenance:on", "--message", "Back <soon> & well.", "-a", app)
    assert f"Enabling maintenance mode for {app}... done" in said
    for path, method in (("/", "GET"), ("/deep/page", "POST"), ("/", "PUT")):
        status, headers, body = ask(server, app, path, method)
        assert (status, headers["retry-after"], headers["cache-control"]) == (
            503,
            "300",
            "no-store",
        )
        assert headers["content-type"] == "text/html; charset=utf-8"
        assert "<p>Back &lt;soon&gt; &amp; well.</p>" in body
    assert ask(server, app, "/", "HEAD")[0] == 503
    assert ask(server, app, "/.ship-maintenance")[0] == 404
    assert ask(server, app, "/.well-known/acme-challenge/token")[:1] == (200,)
    assert ship(server, "maintenance", "-a", app).startswith("on\nSince 2")
    assert "Maintenance: on, since 2" in ship(server, "apps:info", app)
    assert "is in maintenance: visitors see a page" in ship(server, "ps", "-a", app)
    assert f"{app}  " in ship(server, "apps")
    assert "up, in maintenance" in ship(server, "apps")
    assert "web.1: up" in ship(server, "ps", "-a", app)
    assert "done" in ship(server, "maintenance:off", "-a", app)
    assert "done" in ship(server, "maintenance:off", "-a", app)
    assert ask(server, app)[::2] == (200, "one")
    assert not server.paths(app).maintenance_page.exists()


def test_a_push_is_checked_behind_the_page_and_says_so(
    server: EmbeddedServer, laptop: Checkout
) -> None:
    app = name(laptop)
    ship(server, "maintenance:on", "-a", app)
    laptop.commit(wsgi("two"))
    pushed = laptop.push()
    assert pushed.status == 0, pushed.text
    assert "GET / through nginx answered 200." in pushed.text
    assert f"{app} is in maintenance: visitors see a page until" in pushed.text
    assert ask(server, app)[0] == 503
    server.rollback(AppName(app))
    ship(server, "ps:restart", "-a", app)
    ship(server, "ps:stop", "-a", app)
    assert "is being worked on" in ask(server, app)[2]
    ship(server, "ps:start", "-a", app)
    assert ask(server, app)[0] == 503
    ship(server, "maintenance:off", "-a", app)
    assert ask(server, app)[2] == "one"


def test_a_page_that_the_app_brings_or_a_person_sends(
    server: EmbeddedServer, laptop: Checkout
) -> None:
    app = name(laptop)
    laptop.commit({"maintenance.html": "<h1>From the code</h1>"})
    assert laptop.push().status == 0
    ship(server, "maintenance:on", "-a", app)
    assert ask(server, app)[2] == "<h1>From the code</h1>"
    page = server.folder / "page.html"
    page.write_text("<h1>From a file</h1>" + "x" * 10_000)
    ship(server, "maintenance:on", "--page", str(page), "-a", app)
    assert ask(server, app)[2] == page.read_text()
    ship(server, "maintenance:on", "--page", "-", "-a", app, given="<h1>From a pipe</h1>")
    ship(server, "maintenance:on", "-a", app)  # what is not said stays
    assert ask(server, app)[2] == "<h1>From a pipe</h1>"
    for words in (("--page", "/nowhere"), ("--page", "-"), ("--page", "-", "--message", "x")):
        refused = ship(server, "maintenance:on", *words, "-a", app, status=2)
        assert "(usage/bad-page)" in refused
    large = ship(server, "maintenance:on", "--page", "-", "-a", app, given="x" * 300_000, status=2)
    assert "The page for visitors is too large." in large
    over_ssh = ship(
        server,
        "--by",
        "laptop",
        "--",
        "maintenance:on",
        "--page",
        "/etc/passwd",
        "-a",
        app,
        status=2,
    )
    assert "is not read on the server" in over_ssh
    assert ask(server, app)[2] == "<h1>From a pipe</h1>"


def test_an_address_that_is_let_in_sees_the_app(server: EmbeddedServer, laptop: Checkout) -> None:
    app = name(laptop)
    ship(server, "maintenance:on", "--allow", "198.51.100.0/24", "-a", app)
    assert ask(server, app)[0] == 503
    said = ship(server, "maintenance:on", "--allow", "127.0.0.0/8", "--allow", "::1", "-a", app)
    assert "Let in: 127.0.0.0/8, ::1." in said
    assert ask(server, app)[::2] == (200, "one")
    told = json.loads(ship(server, "maintenance", "--json", "-a", app))
    assert told["maintenance"] is True
    assert told["allow"] == ["127.0.0.0/8", "::1"]
    assert "(usage/bad-address)" in ship(
        server, "maintenance:on", "--allow", "me", "-a", app, status=2
    )


def test_it_goes_along_with_a_new_name(server: EmbeddedServer, laptop: Checkout) -> None:
    app = name(laptop)
    ship(server, "maintenance:on", "--message", "Moving.", "-a", app)
    new = AppName(f"{app}-new")
    renaming.rename(server.server, AppName(app), new)
    status, _, body = ask(server, new)
    assert status == 503
    assert "Moving." in body
    ship(server, "maintenance:off", "-a", new)
    assert ask(server, new)[2] == "one"


def test_static_sites_and_apps_without_a_release_have_it_too(server: EmbeddedServer) -> None:
    server.create("pages")
    ship(server, "maintenance:on", "-a", "pages")
    assert ask(server, "pages")[0] == 503
    made = server.checkout("pages")
    made.commit({"index.html": "<h1>Home</h1>", "maintenance.html": "<h1>Later</h1>"})
    pushed = made.push()
    assert pushed.status == 0, pushed.text
    assert ask(server, "pages", "/index.html")[0] == 503
    ship(server, "maintenance:off", "-a", "pages")
    assert ask(server, "pages")[::2] == (200, "<h1>Home</h1>")
    ship(server, "maintenance:on", "-a", "pages")
    assert ask(server, "pages")[::2] == (503, "<h1>Later</h1>")

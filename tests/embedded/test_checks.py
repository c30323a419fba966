"""Checks on the whole way: what the code and `checks:set` say of them, and `checks:run`, as
people type it."""

import json

import pytest

from receiver.model.check import Check
from receiver.state import records
from tests.checkout import Checkout
from tests.embedded.embedded_server import EmbeddedServer

pytestmark = pytest.mark.embedded

APP = """
import os, time

seen = []

def app(environ, start_response):
    path, proto = environ["PATH_INFO"], environ.get("HTTP_X_FORWARDED_PROTO")
    seen.append(path)
    status, headers = "200 OK", []
    if path == "/secure" and proto != "https":
        status, headers = "301 Moved", [("Location", "https://" + environ["HTTP_HOST"] + path)]
    elif path == "/broken" and proto != "https":
        status, headers = "301 Moved", [("Location", "https://" + environ["HTTP_HOST"] + path)]
    elif path == "/broken":
        status = "500 Error"
    elif path == "/warming" and seen.count(path) < 3:
        status = "503 Wait"
    elif path == "/slow":
        time.sleep(5)
    elif path == "/other" and environ["HTTP_HOST"] != "other.test":
        status = "418 No"
    elif path == "/nothing":
        status = "404 Not Found"
    start_response(status, headers)
    return [("page " + path).encode()]
"""


@pytest.fixture(scope="module")
def laptop(server: EmbeddedServer) -> Checkout:
    files = {"app.py": APP, "requirements.txt": "", "Procfile": "web: gunicorn app:app\n"}
    return server.publish("blog", files)


def push(laptop: Checkout, check: str) -> str:
    laptop.commit({"ship.toml": f"[check]\n{check}\n"})
    pushed = laptop.push()
    assert pushed.status == 0, pushed.text
    return pushed.text


def test_an_app_behind_https_is_asked_that_way(laptop: Checkout) -> None:
    said = push(laptop, "path = '/secure'\nstatus = [200, 204]")
    assert "Asked before anybody else, it answered 200." in said
    assert "GET /secure through nginx answered 301." in said
    assert " !     The app redirects http to https, and this server has no https itself." in said


def test_a_page_that_is_not_there_is_alive_and_told(laptop: Checkout) -> None:
    said = push(laptop, "path = '/nothing'")
    assert "GET /nothing through nginx answered 404." in said
    assert "It counts as alive, although there is no page at /nothing." in said


def test_another_host_name_and_several_attempts(laptop: Checkout) -> None:
    said = push(laptop, "path = '/warming'\nattempts = 5\nwait_s = 1")
    assert "GET /warming answered 200 after" in said
    laptop.commit({"ship.toml": "[check]\npath = '/other'\nhost = 'other.test'\n"})
    pushed = laptop.push()
    assert "Asked before anybody else, it answered 200." in pushed.text
    assert "GET /other through nginx answered 418." in pushed.text


def test_an_app_that_fails_behind_its_redirect_is_refused(
    server: EmbeddedServer, laptop: Checkout
) -> None:
    before = server.live("blog")
    laptop.commit({"ship.toml": "[check]\npath = '/broken'\n"})
    refused = laptop.push()
    assert refused.status == 1
    assert "The app answered /broken with status 500" in refused.text
    assert server.live("blog") == before
    laptop.git("reset", "-q", "--hard", "HEAD~1")


def test_a_slow_answer_is_refused(server: EmbeddedServer, laptop: Checkout) -> None:
    before = server.live("blog")
    laptop.commit({"ship.toml": "[check]\npath = '/slow'\ntimeout_s = 1\n"})
    refused = laptop.push()
    assert "(check/slow)" in refused.text, refused.text
    assert "The app took longer than 1 s to answer /slow." in refused.text
    assert server.live("blog") == before
    laptop.git("reset", "-q", "--hard", "HEAD~1")


def test_what_is_set_on_the_server_counts_above_the_code(
    server: EmbeddedServer, laptop: Checkout
) -> None:
    push(laptop, "path = '/nothing'\nstatus = 404")
    done = server.ship("checks:set", "-a", "blog", "path=/slow", "timeout=1")
    assert (done.status, done.err) == (0, "The next release of blog is checked by these.\n")
    assert done.out == "path:      /slow\ntimeout_s: 1\n"
    told = json.loads(server.ship("checks", "-a", "blog", "--json").out)
    assert told["path"] == {"value": "/slow", "from": "checks:set"}
    assert told["status"] == {"value": 404, "from": "the code"}
    assert told["host"] == {"value": f"blog.{server.server.settings.domain}", "from": "default"}
    asked = server.ship("checks:run", "-a", "blog")
    assert asked.status == 6
    assert "(check/" in asked.err
    laptop.commit({})
    assert "(check/slow)" in laptop.push().text
    assert server.ship("checks:unset", "-a", "blog", "path", "timeout_s").status == 0
    again = server.ship("checks:unset", "-a", "blog", "path")
    assert again.status == 20
    pushed = laptop.push()
    assert pushed.status == 0, pushed.text
    release = records.read_release(server.paths("blog"), server.live("blog") or 0)
    assert release.check == Check(path="/nothing", status=404)


def test_the_live_release_is_asked_now(server: EmbeddedServer, laptop: Checkout) -> None:
    push(laptop, "path = '/'")
    done = server.ship("checks:run", "-a", "blog")
    assert (done.status, done.out) == (0, "page /\n")
    assert "GET / answered 200 after 0.0" in done.err
    server.ship("checks:set", "-a", "blog", "path=/secure", "status=204")
    done = server.ship("checks:run", "-a", "blog", "--json")
    assert done.status == 6
    told = json.loads(done.out)
    assert (told["status"], told["alive"], told["body"]) == (200, False, "page /secure")
    assert "check asks for 204" in json.loads(done.err)["title"]
    server.ship("checks:unset", "-a", "blog", "path", "status")
    assert server.ship("ps:stop", "-a", "blog").status == 0
    assert server.ship("checks:run", "-a", "blog").status == 20
    assert server.ship("ps:start", "-a", "blog").status == 0


OPEN = """
import http.server, os

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

http.server.HTTPServer(("{host}", int(os.environ["PORT"])), Handler).serve_forever()
"""


@pytest.mark.parametrize("host", ["0.0.0.0", "127.0.0.1"])
def test_a_server_that_listens_for_everybody_is_told(server: EmbeddedServer, host: str) -> None:
    name = f"open-{host.replace('.', '')}"
    server.create(name)
    made = server.checkout(name)
    made.commit({"Procfile": "web: python3 server\n", "server": OPEN.replace("{host}", host)})
    pushed = made.push()
    assert pushed.status == 0, pushed.text
    told = "The app is reachable from outside, bypassing nginx." in pushed.text
    assert told == (host == "0.0.0.0")

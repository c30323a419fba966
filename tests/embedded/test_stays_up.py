"""No push takes a site down: what would is refused, and what is called live serves."""

import json
import os
import re
import signal
import time

import pytest

from receiver.model.names import AppName
from tests.embedded.embedded_server import DOMAIN, EmbeddedServer, ask_raw, wait_until
from tests.embedded.pushing import wsgi

pytestmark = pytest.mark.embedded


def test_a_release_without_web_ends_no_site_unless_that_is_said(server: EmbeddedServer) -> None:
    laptop = server.publish("site", {**wsgi("one"), "Procfile": "web: gunicorn app:app\n"})
    laptop.commit({"Procfile": "wbe: gunicorn app:app\n"})
    refused = laptop.push()
    assert refused.status != 0
    assert "This release has no web process, and v1 has one: the site would go down." in (
        refused.text
    )
    assert "Write `web:` in place of `wbe:`." in refused.text
    assert server.ask("site") == (200, "one")

    laptop.commit({"Procfile": "worker: sleep 600\n", "ship.toml": "web = false\n"})
    ended = laptop.push()
    assert ended.status == 0, ended.text
    assert "-----> v2 is deployed" in ended.lines
    assert "It has no web process: visitors get no page." in ended.text
    assert "is live" not in ended.text
    assert not any(line.startswith("       http") for line in ended.lines)
    assert server.ask("site")[0] == 404

    assert server.ship("rollback", "-a", "site").status == 0
    assert server.ask("site") == (200, "one")
    assert server.ship("ps:scale", "-a", "site", "web=0").status == 0
    laptop.commit({"Procfile": "worker: sleep 600\n", "ship.toml": None})
    ended = laptop.push()
    assert ended.status == 0, ended.text
    assert "It has no web process" in ended.text


FRAGILE = """
import os, pathlib

if pathlib.Path(os.environ["SHIP_STORAGE"], "broken").exists():
    raise RuntimeError("no database at " + os.environ["DATABASE_URL"])

def app(environ, start_response):
    kind, path = "text/plain", environ["PATH_INFO"]
    headers = []
    if path == "/json":
        kind = "application/json"
    elif path.startswith("/head"):
        headers = [("Set-Cookie", f"c{n}=" + "x" * 1000) for n in range(int(path[5:]))]
    start_response("200 OK", [("Content-Type", kind), *headers])
    return [b"x" * 5000]
"""


class Timed:
    """An answer, and how long it took."""

    def __init__(self, server: EmbeddedServer, app: str, path: str = "/") -> None:
        began = time.monotonic()
        self.status, self.body = server.ask(app, path)
        self.took_s = time.monotonic() - began


def test_what_crashes_again_and_again_is_told_so_and_keeps_nobody_waiting(
    server: EmbeddedServer,
) -> None:
    server.publish("fragile", {"app.py": FRAGILE, "requirements.txt": ""})
    server.configure(AppName("fragile"), DATABASE_URL="pg://ada:secret@db")
    for kib in (5, 32):
        assert server.ask("fragile", f"/head{kib}")[0] == 200
    too_large = server.ask("fragile", "/head48")
    assert too_large[0] == 502
    assert "fragile answered" in too_large[1]
    zipped = ask_raw(
        server.port, f"fragile.{DOMAIN}", "/json", headers="Accept-Encoding: gzip\r\n"
    )[0]
    assert "Content-Encoding: gzip" in zipped

    paths = server.paths("fragile")
    (paths.storage / "broken").touch()
    pid = server.host.main_pid(paths.name, "a")
    assert pid
    os.kill(pid, signal.SIGTERM)
    wait_until(paths.down_mark.exists, 60)
    answer = Timed(server, "fragile")
    assert answer.status == 502
    assert answer.took_s < 1
    assert "does not answer" in answer.body
    found = json.loads(server.ship("apps:info", "-a", "fragile", "--json").out)
    assert found["state"] == "crashing"
    for words in (("apps",), ("apps:info", "fragile"), ("ps", "-a", "fragile")):
        told = server.ship(*words).out
        assert re.search(
            r"crashing \(\d+ restarts: RuntimeError: no database at \[hidden\]\)", told
        ), told
        assert " up" not in told
    doctor = server.ship("doctor", "-a", "fragile")
    assert re.search(r"web\.1 is crashing \(\d+ restarts: RuntimeError", doctor.out), doctor.out
    assert '"the app crashes at its start, again and again"' in (
        server.ship("logs", "-a", "fragile", "--source", "router").out
    )

    (paths.storage / "broken").unlink()
    wait_until(lambda: server.ask("fragile")[0] == 200, 60)
    assert not paths.down_mark.exists()
    assert "up" in server.ship("apps").out

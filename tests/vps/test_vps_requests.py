"""Lines of requests on a real machine: what they say, who may read them, how they are put aside,
renamed and removed."""

from collections.abc import Iterator

import pytest

from receiver.nginx.router_lines import parse
from tests.vps.ship_server import ShipServer, Site

LOGS = "/var/log/ship"
KILLS_ITSELF = """
import os, signal

def app(environ, start_response):
    if environ["PATH_INFO"] == "/kill":
        os.kill(os.getpid(), signal.SIGKILL)
    start_response("200 OK", [("Content-Length", "2")])
    return [b"ok"]
"""


@pytest.fixture(scope="module")
def site(ship_server: ShipServer) -> Iterator[Site]:
    made = ship_server.site("asked")
    made.publish("first", {"app.py": KILLS_ITSELF})
    yield made
    ship_server.ship("apps:destroy asked --confirm asked", check=False)


def told(site: Site, path: str) -> str:
    """The line of a request for `path`, which nobody else asks for."""
    site.server.ask(f"{site.app}.example.com", path)
    lines: list[str] = []

    def is_written() -> bool:
        """Nginx writes it when the answer is already read."""
        log = site.server.machine.read(f"{LOGS}/ship-{site.app}.access.log")
        lines.extend(line for line in log.splitlines() if f" {path} " in line)
        return bool(lines)

    site.server.machine.wait_until(is_written, "has logged the request", 10)
    parsed = parse(lines[0].encode())
    assert parsed is not None
    return parsed.text.decode()


def test_reasons_of_failures(site: Site) -> None:
    assert told(site, "/well").startswith("GET /well 200 host=asked.example.com from=")
    assert '502 "the app closed the connection without an answer"' in told(site, "/kill")
    site.ship("ps:stop")
    assert '503 "the app is stopped"' in told(site, "/stopped")
    site.ship("ps:start")
    assert " 200 host=" in told(site, "/again")
    fresh = site.server.site("not-yet")
    assert '404 "nothing is deployed yet"' in told(fresh, "/early")
    site.server.ship("apps:destroy not-yet --confirm not-yet")
    assert site.server.root(f"ls {LOGS} | grep not-yet || true") == ""


def test_an_app_cannot_read_them(site: Site) -> None:
    told(site, "/private")
    log = f"{LOGS}/ship-asked.access.log"
    assert site.server.root(f"stat -c '%a %U' {LOGS}") == "750 root"
    tried = site.server.machine.run(("cat", log), user="ship-asked", check=False)
    assert "Permission denied" in tried.stderr
    inside = site.ship(f"run --no-tty -- cat {log}", check=False)
    assert inside.returncode
    assert "private" not in inside.stdout


def test_a_timer_puts_them_aside(site: Site) -> None:
    root, log = site.server.root, f"{LOGS}/ship-asked.access.log"
    assert root("systemctl is-active ship-logs.timer") == "active"
    told(site, "/before")
    root(f"truncate -s 11M {log}")
    root("systemctl start ship-logs.service")
    site.server.machine.wait_until(lambda: root(f"ls {log} || true") == log, "writes a new log")
    assert " 200 host=" in told(site, "/after")
    assert root(f"grep -c /before {log}.1") == "1"
    assert int(root(f"stat -c %s {log}")) < 10_000
    assert root("journalctl -u ship-logs.service -o cat") == ""


def test_they_go_along_with_a_rename_and_end_with_the_app(ship_server: ShipServer) -> None:
    site = ship_server.site("was-called")
    site.publish("first")
    told(site, "/under-the-first-name")
    ship_server.ship("apps:rename is-called -a was-called")
    assert ship_server.root(f"ls {LOGS} | grep was-called || true") == ""
    log = f"{LOGS}/ship-is-called.access.log"
    assert ship_server.root(f"grep -c under-the-first-name {log}") == "1"
    assert ship_server.ask("is-called.example.com", "/under-the-second")[0] == 200
    assert ship_server.root(f"grep -c under-the-second {log}") == "1"
    ship_server.ship("apps:destroy is-called --confirm is-called")
    assert ship_server.root(f"ls {LOGS} | grep called || true") == ""

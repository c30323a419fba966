"""Two apps on one machine: which of them can connect to whom, and who can answer in whose place."""

import json
import shlex
import subprocess
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.vps.ship_server import APPS, ShipServer, Site

PROBE = (Path(__file__).parent / "network_probe.py").read_text()
HTTP = """
import http.server, os, time
class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "3")
        self.end_headers()
        self.wfile.write(b"own")
http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Page).serve_forever()
"""
METADATA = "169.254.169.254"
ELSEWHERE = 15_999


@pytest.fixture(scope="module")
def homely(ship_server: ShipServer) -> Site:
    """An app whose server binds its port itself."""
    site = ship_server.site("homely")
    site.commit({"Procfile": "web: python3 serve.py\n", "serve.py": HTTP})
    pushed = site.push()
    assert pushed.status == 0, pushed.text
    return site


@pytest.fixture(scope="module")
def nosy(ship_server: ShipServer, homely: Site) -> Site:
    """An app of another's, served by gunicorn."""
    del homely  # it is made first
    site = ship_server.site("nosy")
    site.publish("nosy")
    return site


def ports(site: Site) -> dict[str, int]:
    settings = tomllib.loads(site.server.machine.read(f"{APPS}/{site.app}/app.toml"))
    return {name: settings[name] for name in ("port", "port_a", "port_b")}


def as_app(site: Site, *words: str) -> tuple[str, ...]:
    """The probe as the account of an app, for what a test does on the machine itself."""
    return (
        "setpriv",
        f"--reuid=ship-{site.app}",
        f"--regid=ship-{site.app}",
        "--clear-groups",
        "python3",
        "-c",
        PROBE,
        *words,
    )


def dialed(site: Site, *addresses: str) -> dict[str, str]:
    """What comes of connecting from inside the app's sandbox."""
    words = shlex.join(("python3", "-c", PROBE, "dial", *addresses))
    found: dict[str, str] = json.loads(site.ship(f"run -- {words}").stdout)
    return found


def dialed_by_root(server: ShipServer, *addresses: str) -> dict[str, str]:
    found: dict[str, str] = json.loads(server.root(("python3", "-c", PROBE, "dial", *addresses)))
    return found


@contextmanager
def listening(server: ShipServer, *argv: str) -> Iterator[None]:
    """A program that listens on the machine, while the test asks."""
    inside = ("nsenter", "-t", str(server.machine.init_pid), "-m", "-n", "-p", "--", *argv)
    with subprocess.Popen(inside, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        pid = program.stdout.readline().strip()
        try:
            yield
        finally:
            server.root(("kill", "-KILL", pid))


def test_an_app_reaches_its_own_ports_and_what_is_no_apps_and_no_other_app(
    ship_server: ShipServer, homely: Site, nosy: Site
) -> None:
    others = [f"127.0.0.1:{port}" for port in ports(homely).values()]
    served = next(at for at in others if dialed_by_root(ship_server, at)[at] == "connected")
    held = f"127.0.0.1:{ports(nosy)['port']}"
    database, outside = "127.0.0.1:15432", f"{ship_server.machine.address}:80"
    with listening(ship_server, "python3", "-c", PROBE, "serve", "15432"):
        found = dialed(nosy, *others, held, database, outside)
        back = dialed(homely, held, served, database)
    assert {found[at] for at in others} == {"refused"}
    assert (found[held], found[database], found[outside]) == ("connected",) * 3
    assert (back[held], back[served], back[database]) == ("refused", "connected", "connected")
    assert homely.page() == "own"


def test_who_takes_the_port_of_an_app_answers_nobody(
    ship_server: ShipServer, homely: Site, nosy: Site
) -> None:
    free = next(
        port
        for port in (ports(homely)["port_a"], ports(homely)["port_b"])
        if dialed_by_root(ship_server, f"127.0.0.1:{port}")[f"127.0.0.1:{port}"] == "refused"
    )
    nobody = ("setpriv", "--reuid=65534", "--clear-groups", "python3", "-c", PROBE)
    at = f"127.0.0.1:{free}"
    for thief in (as_app(nosy), nobody):
        with listening(ship_server, *thief, "serve", str(free)):
            assert dialed_by_root(ship_server, at) == {at: "silent"}
            homely.commit({"serve.py": HTTP + f"# not by {thief[1]}\n"})
            pushed = homely.push()
            assert pushed.status != 0, pushed.text
            assert f"Port {free}, which the app homely needs, is in use." in pushed.text
            assert "answered 200" not in pushed.text
            assert homely.page() == "own"
    with listening(ship_server, *as_app(homely, "serve", str(free))):
        assert dialed_by_root(ship_server, at) == {at: "connected"}


def test_what_an_app_has_on_a_port_of_its_own_choice_is_its_own(
    ship_server: ShipServer, homely: Site, nosy: Site
) -> None:
    at = f"127.0.0.1:{ELSEWHERE}"
    with listening(ship_server, *as_app(homely, "serve", str(ELSEWHERE))):
        assert dialed(nosy, at) == {at: "silent"}
        assert dialed(homely, at) == {at: "connected"}
        assert dialed_by_root(ship_server, at) == {at: "connected"}


def test_the_metadata_of_a_cloud_is_out_of_reach_but_for_names(
    ship_server: ShipServer, nosy: Site
) -> None:
    ship_server.root(f"ip address add {METADATA}/32 dev lo")
    try:
        at = f"{METADATA}:80"
        assert dialed_by_root(ship_server, at) == {at: "connected"}
        assert dialed(nosy, at) == {at: "refused"}
    finally:
        ship_server.root(f"ip address delete {METADATA}/32 dev lo")


def test_settings_open_what_is_closed(ship_server: ShipServer, homely: Site, nosy: Site) -> None:
    settings = f"{APPS}/homely/app.toml"
    before = ship_server.machine.read(settings)
    served = [f"127.0.0.1:{port}" for port in ports(homely).values()]
    at = f"127.0.0.1:{ELSEWHERE}"
    try:
        opened = before.replace("open_to = []", 'open_to = ["nosy"]')
        assert opened != before
        ship_server.machine.write(settings, opened)
        told = ship_server.root("ship doctor", check=False)
        assert "Apps are not kept apart on the network." in told
        ship_server.root("ship doctor --fix")
        assert "connected" in dialed(nosy, *served).values()
        with listening(ship_server, *as_app(homely, "serve", str(ELSEWHERE))):
            assert dialed(nosy, at) == {at: "connected"}
    finally:
        ship_server.machine.write(settings, before)
        ship_server.root("ship doctor --fix")
    assert set(dialed(nosy, *served).values()) == {"refused"}


def test_rules_that_somebody_emptied_are_back(
    ship_server: ShipServer, homely: Site, nosy: Site
) -> None:
    at = [f"127.0.0.1:{port}" for port in ports(homely).values()]
    ship_server.root("systemctl restart nftables.service")
    rules_hold = "nft list table inet ship >/dev/null && echo yes || true"
    ship_server.machine.wait_until(lambda: ship_server.root(rules_hold) == "yes", "has rules")
    assert set(dialed(nosy, *at).values()) == {"refused"}
    ship_server.root("systemctl stop nftables.service && nft flush ruleset")
    assert "The rules were taken away." in ship_server.root("ship doctor", check=False)
    ship_server.root("ship doctor --fix")
    assert set(dialed(nosy, *at).values()) == {"refused"}


def test_an_app_that_is_gone_leaves_no_rule(ship_server: ShipServer, nosy: Site) -> None:
    del nosy  # others are there beside it
    brief = ship_server.site("brief")
    port = str(ports(brief)["port"])
    assert port in ship_server.root("nft list set inet ship ports")
    ship_server.ship("apps:destroy brief --confirm brief")
    assert port not in ship_server.root("nft list set inet ship ports")
    assert "ship-brief" not in ship_server.root("systemctl list-units --all --plain")

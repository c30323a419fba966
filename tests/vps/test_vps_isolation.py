"""Two apps that came by ssh: what one of them, running or building, can do to the other and to
ship."""

import json
import shlex
from pathlib import Path

import pytest

from tests.vps.ship_server import APPS, ShipServer, Site

PROBE = (Path(__file__).parent / "isolation_probe.py").read_text()
SETUP = f"""
import json, os, sys
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import probing
from setuptools import setup

with open("{APPS}/spy/cache/seen.json", "w") as seen:
    json.dump(probing.probe(*json.loads(os.environ["PROBE"])), seen)
setup(name="probe", version="1", py_modules=[])
"""
CLOSED = ("venvs/probe", "slots/a", "live.json", "app.toml", "builds/probe", "incoming/probe")


@pytest.fixture(scope="module")
def victim(ship_server: ShipServer) -> Site:
    """The app that is to be spied on, with something in each place."""
    site = ship_server.site("victim")
    site.ship("config:set SECRET=of-the-victim")
    site.publish("victim")
    site.ship(f"run -- sh -c 'echo precious > {APPS}/victim/storage/file'")
    return site


@pytest.fixture(scope="module")
def spy(ship_server: ShipServer, victim: Site) -> Site:
    """The app that tries, while its first push is built and afterwards in its page."""
    site = ship_server.site("spy")
    closed = [f"{APPS}/spy/{name}" for name in CLOSED]
    tried = json.dumps(["spy", "victim", victim.master(), closed])
    site.ship(f"config:set SECRET=of-the-spy 'PROBE={tried}'")
    site.commit(
        {
            "app.py": PROBE,
            "probe/probing.py": PROBE,
            "probe/setup.py": SETUP,
            "requirements.txt": "./probe\n",
            "Procfile": "web: gunicorn app:app\n",
        }
    )
    pushed = site.push()
    assert pushed.status == 0, pushed.text
    return site


def test_a_running_app_reaches_nothing_of_another(spy: Site, victim: Site) -> None:
    assert _reached(spy.page()) == {"own secret": "of-the-spy"}
    assert victim.page("/env/SECRET") == "of-the-victim"


def test_an_app_that_is_built_reaches_nothing_of_another(spy: Site) -> None:
    seen = spy.server.root(f"cat {APPS}/spy/cache/seen.json")
    assert _reached(seen) == {"own secret": "of-the-spy"}


def test_a_running_app_writes_its_source_its_storage_and_its_own_tmp_alone(spy: Site) -> None:
    home = f"{APPS}/spy"
    places = f"$PWD {home}/storage /tmp {home} {home}/venvs {home}/cache /var/tmp /etc"
    script = f"for place in {places}; do touch $place/x 2>/dev/null && echo $place; done; true"
    written = spy.ship(f"run -- sh -c {shlex.quote(script)}").stdout.split()
    source = f"{APPS}/spy/releases/v{spy.live()}/source"
    assert written == [source, f"{home}/storage", "/tmp", "/var/tmp"]
    assert not (spy.server.root("ls /tmp/x /var/tmp/x 2>/dev/null || true"))


def _reached(results: str) -> dict[str, str]:
    """What was not refused."""
    return {what: came for what, came in json.loads(results).items() if came != "refused"}

"""The release phase and the scripts of app.json on a real machine: whose they are, what they
reach, when they end."""

import json

import pytest

from tests.vps.pages import page
from tests.vps.ship_server import APPS, ShipServer, Site

PROBE = """
{
  id -un
  grep NoNewPrivs /proc/self/status | tr -d '\\t'
  for place in . "$HOME" "$SHIP_STORAGE" /tmp "$SHIP_STORAGE/.." /etc /run /usr/local; do
    touch "$place/tried" 2>/dev/null && echo "writes $place"
  done
  cat /etc/ship/ship.toml >/dev/null 2>&1 && echo "reads the settings of ship"
  echo "$SECRET" | wc -c
} >"$SHIP_STORAGE/$1"
"""
SECRET = "of-this-app"
PHASES = ("predeploy", "release", "postdeploy")


@pytest.fixture(scope="module")
def site(ship_server: ShipServer) -> Site:
    return make(ship_server, "phased")


def make(ship_server: ShipServer, name: str) -> Site:
    """An app of which every phase notes what it could do."""
    made = ship_server.site(name)
    made.ship(f"config:set SECRET={SECRET}")
    scripts = {"dokku": {"predeploy": "sh probe predeploy", "postdeploy": "sh probe postdeploy"}}
    made.publish(
        "phased",
        {
            "probe": PROBE,
            "Procfile": "web: gunicorn app:app\nrelease: sh probe release\n",
            "app.json": json.dumps({"scripts": scripts}),
        },
    )
    return made


@pytest.mark.parametrize("phase", PHASES)
def test_each_phase_is_the_apps_account_in_its_sandbox(site: Site, phase: str) -> None:
    seen = site.server.root(("cat", f"{APPS}/phased/storage/{phase}")).splitlines()
    writes = [
        "writes .",
        f"writes /run/ship/apps/phased/{phase}",
        f"writes {APPS}/phased/storage",
        "writes /tmp",
    ]
    assert seen == ["ship-phased", "NoNewPrivs:1", *writes, str(len(SECRET) + 1)]


def test_what_a_phase_made_is_in_every_release_of_that_code(site: Site) -> None:
    said = site.ship("config:set OTHER=1").stderr
    assert "into the tree when it last ran is carried along: tried (0)." in said
    phase = f"{APPS}/phased/releases/v{site.live()}/phase.tar"
    assert site.server.root(("stat", "-c", "%U:%a", phase)) == "root:600"
    made = f"{APPS}/phased/releases/v{site.live()}/source/tried"
    assert site.server.root(("stat", "-c", "%U", made)) == "ship-phased"


def test_a_release_phase_that_takes_too_long_is_ended_with_all_it_started(site: Site) -> None:
    before = site.live()
    site.commit(
        page("too slow")
        | {
            "Procfile": "web: gunicorn app:app\nrelease: sleep 4321 & sleep 4321\n",
            "ship.toml": "[release]\nlimit_s = 1\n",
        }
    )
    refused = site.push()
    assert "! [remote rejected] main -> main (release phase failed)" in refused.text
    assert "It took longer than 1 s." in refused.text
    assert site.server.root("pgrep -fc '^sleep 4321' || true") == "0"
    assert (site.live(), site.page(), site.leftovers()) == (before, "phased", [])


def test_a_rollback_runs_it_when_it_is_asked_to(ship_server: ShipServer) -> None:
    site = make(ship_server, "phased-back")
    site.publish("newer", {"Procfile": "web: gunicorn app:app\n"})
    storage = f"{APPS}/{site.app}/storage"
    site.server.root(f"rm {storage}/release {storage}/postdeploy")
    plain = site.ship("rollback")
    assert "The release phase is not run" in plain.stderr
    assert site.server.root(f"ls {storage}").split() == ["predeploy", "tried"]
    asked = site.ship("rollback v1 --release-phase")
    assert "-----> Running the release phase" in asked.stderr
    assert site.server.root(f"ls {storage}").split() == ["predeploy", "release", "tried"]
    assert site.page() == "phased"

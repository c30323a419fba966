"""Processes besides web on a real machine: units, signals, ends, reboots and power cuts."""

import json
import signal
from typing import Any

import pytest

from tests.embedded.embedded_server import wait_until
from tests.vps.pages import page
from tests.vps.ship_server import ShipServer, Site, end_group
from tests.vps.test_vps_builds import read_until

WORKER = """
import os, signal, sys, time

def end(number, _):
    print("ends by", signal.Signals(number).name, flush=True)
    time.sleep({slow})
    print("has ended", flush=True)
    sys.exit(0)

for number in (signal.SIGTERM, signal.SIGQUIT):
    signal.signal(number, end)
NAMES = ("SHIP_PROCESS", "SHIP_INSTANCE", "PORT", "GREETING")
told = [os.environ.get(name, "none") for name in NAMES]
print("{text}", *told, os.path.basename(os.path.dirname(os.getcwd())), flush=True)
while True:
    time.sleep(600)
"""
PROCFILE = "web: gunicorn app:app\nworker: python3 worker.py\nsend_mail: python3 worker.py\n"


def tree(text: str, slow: float = 0) -> dict[str, str | bytes | None]:
    worker = WORKER.replace("{text}", text).replace("{slow}", f"{slow:g}")
    return {**page(text), "worker.py": worker, "Procfile": PROCFILE}


def look(site: Site, process_type: str = "worker") -> list[dict[str, Any]]:
    told = json.loads(site.ship("ps --json").stdout)
    found = next(each for each in told["types"] if each["type"] == process_type)
    return list(found["running"])


def releases(site: Site, process_type: str = "worker") -> list[tuple[str, str]]:
    """Names and releases of what runs, when it does."""
    site.ship("ps:wait --timeout 30")
    return [(each["name"], each["release"]) for each in look(site, process_type)]


def log(site: Site, process: str) -> list[str]:
    """Lines of a process without their time."""
    told = site.ship(f"logs -n 200 -p {process}").stdout.splitlines()
    return [line.partition(" ")[2] for line in told]


def units(server: ShipServer, app: str) -> list[str]:
    listing = ("systemctl", "list-units", "--all", "--plain", "--no-legend", f"ship-{app}.ps.*")
    return [line.split()[0] for line in server.root(listing).splitlines()]


@pytest.fixture(scope="module")
def shop(ship_server: ShipServer) -> Site:
    site = ship_server.site("shop")
    site.publish("first", tree("first"))
    site.ship("ps:scale worker=2 send_mail=1")
    return site


def test_each_process_is_a_unit_of_the_apps_account_with_its_release(
    ship_server: ShipServer, shop: Site
) -> None:
    assert releases(shop) == [("worker.1", f"v{shop.live()}"), ("worker.2", f"v{shop.live()}")]
    assert units(ship_server, "shop") == [
        "ship-shop.ps.send:mail@1.service",
        "ship-shop.ps.worker@1.service",
        "ship-shop.ps.worker@2.service",
    ]
    pid = str(look(shop)[1]["pid"])
    assert ship_server.root(("stat", "-c", "%U", f"/proc/{pid}")) == "ship-shop"
    assert f"app[worker.2]: first worker 2 none none v{shop.live()}" in log(shop, "worker.2")
    assert not [line for line in log(shop, "worker") if "worker." not in line]


def test_a_deploy_and_a_rollback_replace_them(shop: Site) -> None:
    before = shop.live()
    shop.publish("second", tree("second"))
    assert releases(shop, "send_mail") == [("send_mail.1", f"v{before + 1}")]
    shop.ship("config:set GREETING=hello")
    line = f"app[worker.1]: second worker 1 none hello v{before + 2}"
    wait_until(lambda: line in log(shop, "worker.1"))
    assert "app[worker.1]: ends by SIGTERM" in log(shop, "worker.1")
    shop.ship(f"releases:rollback v{before}")
    assert releases(shop) == [("worker.1", f"v{before + 3}"), ("worker.2", f"v{before + 3}")]
    assert shop.leftovers() == []


def test_its_own_signal_and_time_are_those_of_the_unit(ship_server: ShipServer) -> None:
    site = ship_server.site("lingering")
    rule = '[process.worker]\nstop_signal = "SIGQUIT"\ngraceful_s = 2\n'
    site.publish("one", {**tree("one", slow=1), "ship.toml": rule})
    site.ship("ps:scale worker=1")
    wait_until(lambda: any("one worker" in line for line in log(site, "worker.1")))
    shown = ("systemctl", "show", "--property=KillSignal,TimeoutStopUSec,KillMode", "--value")
    unit = "ship-lingering.ps.worker@1.service"
    assert sorted(ship_server.root((*shown, unit)).split()) == ["2s", "3", "mixed"]
    site.publish("two", {**tree("two", slow=600), "ship.toml": rule})
    said = log(site, "worker.1")
    assert "app[worker.1]: ends by SIGQUIT" in said
    assert "app[worker.1]: has ended" in said  # it was given the second that it took
    wait_until(lambda: any("two worker" in line for line in log(site, "worker.1")))
    site.ship("ps:scale worker=0")  # this one takes longer than it may
    assert units(ship_server, "lingering") == []
    assert [line for line in log(site, "worker.1") if "signal=KILL" in line or "Killing" in line]


def test_one_that_ends_again_and_again_is_told_with_its_reason(ship_server: ShipServer) -> None:
    site = ship_server.site("broken")
    broken = "import sys\nprint('no queue here', flush=True)\nsys.exit(3)\n"
    site.publish("web lives", {**tree("web lives"), "worker.py": broken})
    site.ship("ps:scale worker=1")
    wait_until(lambda: int(look(site)[0]["ends"]) >= 3, 30)
    found = look(site)[0]
    assert (found["reason"], found["last_line"]) == ("exit status 3", "no queue here")
    assert "exit status 3" in site.ship("ps").stdout
    assert site.page() == "web lives"
    late = site.ship("ps:wait --timeout 0", check=False)
    assert (late.returncode, "worker.1" in late.stderr) == (7, True)
    ends = "import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)\n"
    site.publish("web lives", {"worker.py": ends})
    wait_until(lambda: look(site)[0]["reason"] == "killed by SIGSEGV", 30)


def test_a_reboot_brings_back_what_was_not_stopped(ship_server: ShipServer, shop: Site) -> None:
    shop.ship("ps:scale worker=2 send_mail=1")
    shop.ship("ps:stop send_mail")
    ship_server.machine.reboot()
    live = f"v{shop.live()}"
    assert releases(shop) == [("worker.1", live), ("worker.2", live)]
    assert look(shop, "send_mail") == []
    shop.ship("ps:start send_mail")
    assert releases(shop, "send_mail") == [("send_mail.1", live)]


def test_a_power_cut_while_they_are_replaced_leaves_them_of_the_live_release(
    ship_server: ShipServer,
) -> None:
    site = ship_server.site("cut")
    site.publish("old", tree("old", slow=20))
    site.ship("ps:scale worker=1")
    wait_until(lambda: any("old worker" in line for line in log(site, "worker.1")))
    site.commit(tree("new"))
    push = site.start_push()
    read_until(push, "Starting processes besides web")
    wait_until(lambda: "app[worker.1]: ends by SIGTERM" in log(site, "worker.1"))
    ship_server.machine.cut_power()
    end_group(push, signal.SIGKILL)
    ship_server.machine.boot_again()
    assert site.page() == "old"
    assert releases(site) == [("worker.1", f"v{site.live()}")]
    assert site.leftovers() == []
    assert site.push().status == 0
    assert site.page() == "new"
    assert releases(site) == [("worker.1", f"v{site.live()}")]


def test_a_rename_takes_them_along_and_nothing_is_left_after_a_destruction(
    ship_server: ShipServer,
) -> None:
    site = ship_server.site("here")
    site.publish("one", tree("one"))
    site.ship("ps:scale worker=1 send_mail=2")
    ship_server.ship("apps:rename here there")
    assert units(ship_server, "here") == []
    there = Site(ship_server, "there", ship_server.folder / "there")
    assert releases(there) == [("worker.1", f"v{there.live()}")]
    ship_server.ship("apps:destroy there --confirm there")
    assert units(ship_server, "there") == []
    left = "ls -d /etc/systemd/system/*there* /etc/systemd/system/*/*there* /run/ship/apps/there"
    assert ship_server.root(f"{left} 2>/dev/null || true") == ""

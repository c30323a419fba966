"""Reboots and power cuts: what was live comes back, and what was under way leaves nothing."""

import signal

import pytest

from tests.vps.pages import page, slow_build
from tests.vps.ship_server import ShipServer, Site, end_group
from tests.vps.test_vps_builds import read_until

SYSTEM = ("systemd", "init", "dbus-daemon", "sshd", "nginx", "agetty", "login", "(sd-pam)")


@pytest.fixture(scope="module")
def steady(ship_server: ShipServer) -> Site:
    """An app that has nothing to do with what is cut off."""
    site = ship_server.site("steady")
    site.publish("steady 1")
    site.publish("steady 2")
    return site


def cut_at(site: Site, text: str, end: str = "cut_power") -> None:
    """Push, end the machine as soon as the push says `text`, and switch it on again."""
    push = site.start_push()
    read_until(push, text)
    getattr(site.server.machine, end)()
    end_group(push, signal.SIGKILL)
    site.server.machine.boot_again()


def test_after_a_reboot_the_live_releases_answer_and_ship_is_not_resident(
    ship_server: ShipServer, steady: Site
) -> None:
    stopped = ship_server.site("at-rest")
    stopped.publish("stopped before")
    stopped.ship("ps:stop")
    ship_server.machine.reboot()
    assert steady.page() == "steady 2"
    uid = ship_server.root("id -u ship-steady")
    assert uid in ship_server.root("nft list set inet ship apps")
    assert ship_server.ask("at-rest.example.com")[0] == 503
    assert ship_server.root(("systemctl", "is-system-running")) == "running"
    assert strangers(ship_server) == []
    stopped.ship("ps:start")
    assert stopped.page() == "stopped before"


@pytest.mark.parametrize("end", ["cut_power", "power_off"])
def test_a_first_push_cut_off_while_it_installs_leaves_nothing(
    ship_server: ShipServer, steady: Site, end: str
) -> None:
    name = f"early-{end.replace('_', '-')}"
    site = ship_server.site(name)
    site.commit(slow_build("in the end", 1))
    cut_at(site, "-----> Installing", end)
    assert steady.page() == "steady 2"
    assert ship_server.ask(f"{name}.example.com")[0] == 404
    assert (site.leftovers(), site.remote_head()) == ([], "")
    again = site.push()
    assert again.status == 0, again.text
    assert (site.page(), site.live(), site.leftovers()) == ("in the end", 1, [])


def test_a_handover_cut_off_brings_the_old_release_back(
    ship_server: ShipServer, steady: Site
) -> None:
    site = ship_server.site("cut-late")
    before = site.publish("old")
    slow_start = "import time\ntime.sleep(2)\n" + page("new")["app.py"]
    site.commit({"app.py": slow_start, "requirements.txt": "click\n"})
    cut_at(site, "takes over from slot")
    assert (site.page(), steady.page()) == ("old", "steady 2")
    assert (site.leftovers(), site.remote_head(), site.live()) == ([], before, 1)
    again = site.push()
    assert again.status == 0, again.text
    assert (site.page(), site.live()) == ("new", 2)
    assert site.leftovers() == []


def strangers(server: ShipServer) -> list[str]:
    """Processes that are neither the system's own nor an app's."""
    apps = server.root("getent passwd | sed -n 's/^ship-[^:]*:[^:]*:\\([0-9]*\\):.*/\\1/p'").split()
    return [
        process.command
        for process in server.machine.processes()
        if str(process.user_id) not in apps
        and not any(name in process.command.split(" ")[0] for name in SYSTEM)
    ]

"""Limits on a real machine: on what runs at once, in the next slot, after a reboot, and gone
without a trace."""

import re
from collections.abc import Iterator

import pytest

from tests.vps.ship_server import ShipServer, Site

LIMITED = {"MemoryMax": str(256 * 1024 * 1024), "CPUQuotaPerSecUSec": "500ms", "TasksMax": "64"}
UNLIMITED = {"MemoryMax": "infinity", "CPUQuotaPerSecUSec": "infinity", "TasksMax": "infinity"}


@pytest.fixture(scope="module")
def site(ship_server: ShipServer) -> Iterator[Site]:
    made = ship_server.site("bounded")
    made.publish("first")
    yield made
    ship_server.ship("apps:destroy bounded --confirm bounded", check=False)


def properties(site: Site) -> dict[str, str]:
    """The limits of the unit that serves."""
    pid = site.master()
    unit = site.server.root(f"ps -o unit= -p {pid} || true") or ""
    units = [f"ship-bounded.web@{slot}.service" for slot in "ab"]
    found = [
        it
        for it in units
        if site.server.root(("systemctl", "show", "--property=MainPID", "--value", it)) == str(pid)
    ]
    assert found, unit
    names = ",".join(LIMITED)
    shown = site.server.root(("systemctl", "show", f"--property={names}", found[0]))
    return dict(line.split("=", 1) for line in shown.splitlines())


def test_limits_hold_at_once_over_deploys_and_reboots_and_go_without_a_trace(site: Site) -> None:
    assert properties(site) == UNLIMITED
    master = site.master()
    said = site.ship("limits:set web.memory=256M web.cpu=50% tasks=64")
    assert said.stdout == "web.memory: 256M\nweb.cpu:    50%\nweb.tasks:  64\n"
    assert "nothing was restarted" in said.stderr
    assert properties(site) == LIMITED
    assert site.master() == master
    site.ship("ps:restart")
    assert site.master() != master
    assert properties(site) == LIMITED
    site.publish("second")
    assert properties(site) == LIMITED
    site.server.machine.reboot()
    site.server.machine.wait_until(lambda: site.page() == "second", "serves again")
    assert properties(site) == LIMITED
    site.ship("limits:set web.memory=128M")
    assert properties(site)["MemoryMax"] == str(128 * 1024 * 1024)
    assert site.ship("limits:unset web.cpu").stdout == "web.memory: 128M\nweb.tasks:  64\n"
    assert properties(site)["CPUQuotaPerSecUSec"] == "infinity"
    master = site.master()
    assert site.ship("limits:unset web").stdout == ""
    assert properties(site) == UNLIMITED
    assert site.master() == master
    assert site.server.root("ls -d /etc/systemd/system/ship-bounded.*.d || true") == ""
    site.ship("ps:restart")
    assert properties(site) == UNLIMITED


def test_a_limit_of_the_whole_app_is_over_all_that_runs_for_it(site: Site) -> None:
    def whole() -> list[str]:
        wanted = "--property=MemoryMax,TasksMax"
        return site.server.root(("systemctl", "show", wanted, "ship-bounded.slice")).splitlines()

    usual = whole()
    assert "TasksMax=4096" in usual
    assert "MemoryMax=infinity" not in usual
    said = site.ship("limits:set '*.memory=512M' '*.tasks=99'")
    assert said.stdout == "*.memory: 512M\n*.tasks:  99\n"
    assert whole() == [f"MemoryMax={512 * 1024 * 1024}", "TasksMax=99"]
    for where in (
        site.ship("run -- cat /proc/self/cgroup").stdout,
        site.server.machine.read(f"/proc/{site.master()}/cgroup"),
    ):
        assert "/ship.slice/ship-bounded.slice/ship-bounded." in where
    told = site.server.ship("capacity").stdout
    assert re.search("^bounded: +at most 512M, and 99 processes and threads$", told, re.MULTILINE)
    assert re.search("^Each app: +at most 80% of the memory, and 4096 ", told, re.MULTILINE), told
    assert re.search("^All apps: +at most 90% of the memory, and 80% ", told, re.MULTILINE), told
    site.ship("limits:unset '*'")
    assert whole() == usual


def test_limits_go_along_with_a_rename_and_end_with_the_app(ship_server: ShipServer) -> None:
    site = ship_server.site("old")
    site.publish("page")
    site.ship("limits:set web.memory=256M")
    ship_server.ship("apps:rename new -a old")
    listed = "ls /etc/systemd/system/ | grep -E '^ship-(old|new).*[.]d$' || true"
    assert ship_server.root(listed).split() == [
        "ship-new.port@.service.d",
        "ship-new.web@.service.d",
    ]
    ship_server.ship("apps:destroy new --confirm new")
    assert ship_server.root(listed) == ""


def test_what_is_no_limit_or_no_process_type_is_refused(site: Site) -> None:
    refused = site.ship("limits:set wrker.memory=256M", check=False)
    assert refused.returncode == 20
    assert "bounded has no process type wrker." in refused.stderr
    assert site.ship("limits:set web.memory=much", check=False).returncode == 2
    assert site.ship("limits:set", check=False).returncode == 2


def test_an_app_that_hangs_at_its_first_start_is_told_by_that(ship_server: ShipServer) -> None:
    site = ship_server.site("hanging")
    ship_server.root(
        "sed -i 's/^check_limit_s = .*/check_limit_s = 8/' /var/lib/ship/apps/hanging/app.toml;"
        " sed -i 's/^TimeoutStartSec=.*/TimeoutStartSec=8/' "
        "/etc/systemd/system/ship-hanging.web@.service; systemctl daemon-reload"
    )
    site.commit(
        {
            "app.py": "import time\n\ntime.sleep(60)\n",
            "requirements.txt": "",
            "Procfile": "web: gunicorn app:app\n",
        }
    )
    refused = site.push()
    assert refused.status == 1
    assert "(check/boot-timeout)" in refused.text, refused.text
    assert "The app did not start within 8 s." in refused.text


def test_a_limit_of_a_worker_is_for_each_of_its_processes(ship_server: ShipServer) -> None:
    site = ship_server.site("toiling")
    site.publish("page", {"Procfile": "web: gunicorn app:app\nworker: sleep 3600\n"})
    site.ship("limits:set worker.memory=64M")
    site.ship("ps:scale worker=2")
    site.server.machine.reboot()
    site.server.machine.wait_until(lambda: site.page() == "page", "serves again")
    wanted = str(64 * 1024 * 1024)
    for number in "12":
        unit = f"ship-toiling.ps.worker@{number}.service"
        ask = ("systemctl", "show", "--property=MemoryMax", "--value", unit)
        assert site.server.root(ask) == wanted
        site.ship("limits:set worker.memory=96M" if number == "1" else "limits:unset worker")
        assert site.server.root(ask) == ("infinity" if number == "2" else str(96 * 1024 * 1024))
        wanted = str(96 * 1024 * 1024)
    told = site.server.ship("capacity").stdout
    assert re.search(r"^toiling +web +2 ", told, re.MULTILINE), told
    assert re.search(r"^toiling +worker +2 ", told, re.MULTILINE), told


def test_installing_again_writes_limits_that_are_missing(
    ship_server: ShipServer, site: Site
) -> None:
    site.ship("limits:set web.memory=256M")
    folder = "/etc/systemd/system/ship-bounded.web@.service.d"
    ship_server.root(f"rm -r {folder}")
    ship_server.root("ship server:install")
    assert "MemoryMax=256M" in ship_server.root(f"cat {folder}/90-ship-limits.conf")
    site.ship("limits:unset web")
    assert ship_server.root(f"ls -d {folder} || true") == ""

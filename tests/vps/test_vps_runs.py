"""Runs on a VPS: limits as properties of their unit, an end that nobody waits for, reboots."""

import json

import pytest

from tests.vps.ship_server import ShipServer, Site


@pytest.fixture(scope="module")
def busy(ship_server: ShipServer) -> Site:
    site = ship_server.site("runner")
    site.publish("busy")
    return site


def detach(site: Site, words: str) -> str:
    return site.ship(f"run:detached {words}").stdout.strip()


def the_run(site: Site, name: str) -> dict[str, object]:
    listed = json.loads(site.ship("run:list --all --json").stdout)
    (found,) = [run for run in listed if run["name"] == name]
    return dict(found)


def await_status(site: Site, name: str, status: str) -> None:
    site.server.machine.wait_until(
        lambda: the_run(site, name)["status"] == status, f"{name} has {status}", 30
    )


def unit_of_run(site: Site) -> str:
    units = site.server.root(
        ("systemctl", "list-units", "--plain", "--no-legend", "ship-runner.run_*")
    )
    (unit,) = [line.split()[0] for line in units.splitlines()]
    return unit


def test_a_detached_run_has_its_limits_and_the_apps_account_and_outlives_the_connection(
    busy: Site,
) -> None:
    line = "sh -c 'id -un; echo $SECRET; sleep 1; echo end'"
    name = detach(busy, f"-e SECRET=xyzzy --memory 64M --cpu 25% --timeout 1h -- {line}")
    unit = unit_of_run(busy)
    wanted = "--property=MemoryMax,CPUQuotaPerSecUSec,Environment,User"
    shown = busy.server.root(("systemctl", "show", wanted, unit))
    assert "MemoryMax=67108864" in shown
    assert "CPUQuotaPerSecUSec=250ms" in shown
    assert "User=ship-runner" in shown
    assert "xyzzy" not in shown
    await_status(busy, name, "succeeded")
    assert busy.ship(f"run:output {name}").stdout == "ship-runner\nxyzzy\nend\n"
    assert busy.leftovers() == []


def test_a_deploy_leaves_it_alone_and_a_stop_ends_all_of_it(busy: Site) -> None:
    name = detach(busy, "-- sh -c 'sleep 86399 & sleep 86399'")
    busy.publish("busier")
    assert the_run(busy, name)["status"] == "running"
    assert busy.ship(f"run:stop {name}").returncode == 0
    assert the_run(busy, name)["status"] == "stopped"
    assert busy.server.root("pgrep -f '[s]leep 86399'", check=False) == ""


def test_a_power_cut_interrupts_it_and_that_is_told(busy: Site) -> None:
    name = detach(busy, "-- sleep 86398")
    busy.server.machine.cut_power()
    busy.server.machine.boot_again()
    assert the_run(busy, name)["status"] == "interrupted"
    assert busy.ship("run:list").stdout == ""
    assert busy.server.root("pgrep -f '[s]leep 86398'", check=False) == ""

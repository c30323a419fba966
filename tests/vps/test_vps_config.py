"""Config vars on a real machine: who sees a value on its way, and that the running app gets
every byte of it."""

import json
import os
from collections.abc import Mapping

import pytest
from hypothesis import given

from tests.config_values import BATCHES, ECHO, FEW_BATCHES, as_bytes, echoed
from tests.vps.ship_server import ShipServer, Site

# What another account of the machine sees of all processes while it looks: run inside as that
# account.
WATCH = """
import glob, os, sys
needle, on, off = sys.argv[1][::-1].encode(), *sys.argv[2:]  # turned round, or it would see itself
open(on, "w").close()
seen, looks, ships = set(), 0, False
while not os.path.exists(off):
    looks += 1
    for name in glob.glob("/proc/[0-9]*/cmdline") + glob.glob("/proc/[0-9]*/environ"):
        try:
            data = open(name, "rb").read()
        except OSError:
            continue
        ships = ships or b"--as-sent" in data
        if needle in data:
            seen.add(data.replace(bytes(1), b" ").decode(errors="replace"))
print(ships, sorted(seen))
"""
SECRET = "s3cr3t-on-its-way"


@pytest.fixture(scope="module")
def site(ship_server: ShipServer) -> Site:
    return _echoing(ship_server, "valued")


@pytest.fixture(scope="module")
def of_bytes(ship_server: ShipServer) -> Site:
    """One whose values no other test has to read as text."""
    return _echoing(ship_server, "bytewise")


def _echoing(server: ShipServer, name: str) -> Site:
    made = server.site(name)
    made.commit({"app.py": ECHO, "requirements.txt": ""})
    pushed = made.push()
    assert pushed.status == 0, pushed.text
    return made


def seen_by(site: Site) -> dict[str, bytes]:
    return echoed(site.page().encode())


def test_no_other_account_and_no_log_sees_a_value_on_its_way(site: Site) -> None:
    machine = site.server.machine
    machine.write("/tmp/watch.py", WATCH)
    watching = f"python3 /tmp/watch.py {SECRET[::-1]} /tmp/watch.on /tmp/watch.off"
    machine.run(
        "id onlooker >/dev/null 2>&1 || useradd onlooker; rm -f /tmp/watch.*n "
        "/tmp/watch.off /root/seen*;"
        f" (su onlooker -s /bin/sh -c '{watching}' >/root/seen 2>&1; touch /root/seen.all) "
        "</dev/null >/dev/null 2>&1 &"
    )
    _wait_for(site, "/tmp/watch.on")
    for line in (
        f"config:set -a {site.app} API_KEY={SECRET}-1 OTHER={SECRET}-2",
        f"config set -a {site.app} API_KEY={SECRET}-3 --no-restart",
        f"config:set -a {site.app} API_KEY {SECRET}-mistyped",
        f"run -a {site.app} -e 'A={SECRET}-4' -- sleep 1",
        f"plan -a {site.app} config:set API_KEY={SECRET}-5",
    ):
        site.server.ship(line, check=False)
    machine.run("touch /tmp/watch.off")
    _wait_for(site, "/root/seen.all")
    assert site.server.root("cat /root/seen") == "True []"
    logged = site.server.root(
        "journalctl --sync; journalctl --no-pager -o json -t sudo | tail -n 50"
    )
    assert "--as-sent -- config:set ..." in logged
    everything = (
        f"journalctl --no-pager -o json | grep -c {SECRET}; grep -rl {SECRET} /var/log "
        "--include=*.log"
    )
    assert site.server.root(f"({everything}) || true") == "0"
    assert site.ship("config:get API_KEY").stdout == f"{SECRET}-3\n"


def test_a_sudo_rule_of_an_older_ship_is_told(site: Site) -> None:
    machine = site.server.machine
    old = machine.read("/etc/sudoers.d/ship")
    try:
        machine.run("sed -i /env_keep/d /etc/sudoers.d/ship")
        refused = site.server.ship("config:set -a valued A=1", check=False)
        assert (refused.returncode, "(server/old-sudo-rule)" in refused.stderr) == (8, True)
    finally:
        machine.write("/etc/sudoers.d/ship", old)
        machine.run("chmod 440 /etc/sudoers.d/ship")
    assert site.ship("config").returncode == 0


def test_what_is_pending_outlives_a_rollback_and_the_next_change_takes_it_along(site: Site) -> None:
    before = site.live()
    site.ship("config:set LATER=1 --no-restart")
    assert "LATER" not in seen_by(site)
    site.ship(f"rollback v{before}")
    assert "LATER" in site.ship("config").stderr
    assert "LATER" not in seen_by(site)
    site.ship("config:set NOW=1")
    assert {"LATER", "NOW"} <= seen_by(site).keys()
    told = json.loads(site.ship("config:history --json").stdout)[0]
    assert {"LATER", "NOW"} <= set(told["set"])
    assert told["by"] == "laptop"


@given(batch=BATCHES)
@FEW_BATCHES
def test_every_value_comes_out_of_the_app_as_it_went_in(
    of_bytes: Site, batch: Mapping[str, bytes]
) -> None:
    text = json.dumps({name: os.fsdecode(value) for name, value in batch.items()})
    of_bytes.ship_bytes("config:import --replace --confirm bytewise", text.encode())
    seen = seen_by(of_bytes)
    assert {name: seen.get(name) for name in batch} == dict(batch)
    exported = of_bytes.ship_bytes("config:export")
    assert of_bytes.ship_bytes("config:import -", exported) == b""  # it is so already: no release
    assert as_bytes(json.loads(of_bytes.ship_bytes("config --json"))) == dict(batch)


def _wait_for(site: Site, path: str) -> None:
    site.server.machine.wait_until(
        lambda: site.server.machine.run(("test", "-e", path), check=False).returncode == 0, path
    )

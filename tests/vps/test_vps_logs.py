"""The log of an app on a real machine: followed over ssh, kept over a reboot, and apart from
other apps' logs."""

import json
import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.counting import counting
from tests.embedded.embedded_server import wait_until
from tests.vps.ship_server import ShipServer, Site


@pytest.fixture(scope="module")
def counted(ship_server: ShipServer) -> Iterator[Site]:
    site = ship_server.site("counted")
    site.publish("first", counting("first", pause_s=0.05))
    yield site
    site.ship("apps:destroy --confirm counted")


@contextmanager
def followed(site: Site, *words: str) -> Iterator[list[str]]:
    """What `ship logs -t` on the laptop prints from now on."""
    line = " ".join(("logs", "-a", site.app, "-t", *words))
    lines: list[str] = []
    running = subprocess.Popen(
        (*site.server.laptop.ssh_argv(), "ship@vps", line),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    reader = threading.Thread(target=lambda: lines.extend(running.stdout or ()), daemon=True)
    reader.start()
    try:
        yield lines
    finally:
        os.killpg(running.pid, signal.SIGKILL)
        running.wait()
        reader.join()
        if running.stdout:
            running.stdout.close()


def numbers(lines: list[str]) -> list[int]:
    """What the worker counted, of lines with or without a head."""
    texts = [line.rpartition("]: ")[2].split() for line in lines if "worker.1]: " in line]
    return [int(text[0]) for text in texts if text and text[0].isdecimal()]


def printed(site: Site, *words: str) -> list[str]:
    return site.ship(" ".join(("logs", *words))).stdout.splitlines()


def test_following_loses_nothing_over_deploys_restarts_and_rotation(
    ship_server: ShipServer,
) -> None:
    site = ship_server.site("unbroken")
    root = ship_server.root
    with followed(site) as lines:
        site.publish("one", counting("one"))
        site.publish("two", counting("two"))
        root("journalctl --namespace=ship-unbroken --rotate")
        site.ship("ps:restart")
        root("journalctl --namespace=ship-unbroken --rotate")
        site.ship("config:set GREETING=hello")
        wait_until(lambda: any("v3 is live (by laptop)" in line for line in lines))
        seen = len(lines)
        wait_until(lambda: bool(numbers(lines[seen:])))
        found = numbers(lines)
    assert found == list(range(1, len(found) + 1))
    names = {line[25:].partition(": ")[0] for line in lines}
    assert names >= {"app[web]", "build[v1]", "release[v2]", "build[v3]", "router[nginx]", "ship"}
    last = numbers(printed(site, "-n", "100000", "-p", "worker"))
    assert last[: len(found)] == found
    readers = "pgrep -f 'journalct[l].*ship-unbroken' || true"
    ship_server.machine.wait_until(lambda: root(readers) == "", "ends with its reader")
    site.ship("apps:destroy --confirm unbroken")
    assert (
        root("ls -d /var/log/journal/*.ship-unbroken /etc/systemd/journald@ship-unbroken* || true")
        == ""
    )


def test_lines_of_a_release_are_those_that_it_wrote(counted: Site) -> None:
    counted.publish("second", counting("second", pause_s=0.05))
    lines = printed(counted, "--release", "v1", "-n", "100000", "--json")
    told = [json.loads(line) for line in lines]
    worker = {each["text"].split()[1] for each in told if each["text"][:1].isdecimal()}
    assert {text.rstrip(".") for text in worker} == {"first"}
    assert {each["source"] for each in told} == {"app", "build", "release", "router", "ship"}


def test_what_systemd_says_of_an_end_is_told(counted: Site) -> None:
    root = counted.server.root
    root("systemctl kill --signal=SEGV --kill-whom=main ship-counted.ps.worker@1.service")
    lines = printed(counted, "-p", "worker.1", "--grep", "systemd:")
    assert any("status=11/SEGV" in line for line in lines)


def test_lines_are_there_after_a_reboot(counted: Site) -> None:
    counted.server.machine.wait_until(lambda: bool(numbers(printed(counted))), "counts")
    before = printed(counted, "-n", "100000", "-p", "worker")
    counted.server.machine.reboot()
    after = printed(counted, "-n", "100000", "-p", "worker")
    assert after[: len(before)] == before


def test_an_app_that_writes_without_end_pushes_no_other_out(counted: Site) -> None:
    server = counted.server
    loud = server.site("loud")
    limits = "/etc/systemd/journald@ship-loud.conf.d"
    server.root(
        f"mkdir -p {limits}; printf '[Journal]\\nSystemMaxUse=16M\\nRateLimitBurst=0\\n"
        f"' >{limits}/small.conf"
    )
    oldest = printed(counted, "-n", "100000", "-p", "worker")[0]
    loud.publish("loud", counting("loud", width=2000, pause_s=0))

    def first_lines_are_gone() -> bool:
        return numbers(printed(loud, "-n", "1000000", "-p", "worker"))[0] > 1

    server.machine.wait_until(first_lines_are_gone, "pushes out its own", 60)
    loud.ship("ps:stop")
    kept = server.root("du -sm /var/log/journal/*.ship-loud").split()[0]
    assert int(kept) <= 17
    assert printed(counted, "-n", "100000", "-p", "worker")[0] == oldest
    loud.ship("apps:destroy --confirm loud")
    server.root(f"rm -r {limits}")


def test_a_renamed_app_keeps_its_lines_and_a_new_one_gets_none(ship_server: ShipServer) -> None:
    site = ship_server.site("early")
    site.publish("before", counting("before"))
    ship_server.machine.wait_until(lambda: bool(numbers(printed(site))), "counts")
    ship_server.ship("apps:rename late -a early")
    lines = ship_server.ship("logs -a late -n 100000 -p worker").stdout.splitlines()
    assert numbers(lines)[:2] == [1, 2]
    again = ship_server.site("early")
    assert printed(again) == []
    ship_server.ship("apps:destroy early --confirm early")
    ship_server.ship("apps:destroy late --confirm late")
    ship_server.site("late")
    assert ship_server.ship("logs -a late").stdout == ""
    ship_server.ship("apps:destroy late --confirm late")


def test_what_an_app_writes_takes_little_memory(counted: Site) -> None:
    root = counted.server.root
    unit = "systemd-journald@ship-counted.service"
    pid = root(f"systemctl show --property=MainPID --value {unit}")
    own = root(f"awk '/^Anonymous:/ {{ print $2 }}' /proc/{pid}/smaps_rollup")
    assert int(own) < 4096

"""The server itself on a real machine: its settings, and its hardening, which nobody is locked out
by.
"""

import socket
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.vps.inside import Completed
from tests.vps.laptop import Laptop, trust_as_root
from tests.vps.machine import Machine
from tests.vps.ship_server import DOMAIN, ShipServer, Site, install

OURS = "/etc/ssh/sshd_config.d/00-ship.conf"
PENDING = "/var/lib/ship/hardening-pending.json"
STATE = "sshd -T | grep -Ei 'passworda|kbdint|permitroot'; ufw status; ls /etc/ssh/sshd_config.d"
OTHER_PORT = 9999


@pytest.fixture(scope="module")
def server(installed_tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ShipServer]:
    """A server of this module's own."""
    with Machine.boot(installed_tree, "vps") as machine:
        laptop = Laptop(tmp_path_factory.mktemp("laptop"))
        laptop.knows(machine)
        trust_as_root(machine, laptop.key())
        machine.run("apt-get install -qq -y --no-install-recommends ufw", timeout_s=300)
        yield ShipServer.on(machine, laptop, tmp_path_factory.mktemp("sites"))


@pytest.fixture(scope="module")
def blog(server: ShipServer) -> Site:
    site = server.site("blog")
    site.publish("hello")
    return site


@pytest.fixture
def undone(server: ShipServer) -> Iterator[None]:
    """Whatever a test did, the next one begins with a machine that is as it was."""
    yield
    server.root("ship server:harden --undo")


def test_settings_follow_over_ssh_and_old_names_are_redirected(
    server: ShipServer, blog: Site
) -> None:
    new = "new.example.net"
    done = server.ship(f"server:set domain={new} apps_memory=70%")
    assert f"domain: {DOMAIN}, now {new}" in done.stdout
    try:
        assert server.ask(f"blog.{new}")[0] == 200
        head = _head(server, f"blog.{DOMAIN}")
        assert head.startswith("HTTP/1.1 301 ")
        assert f"Location: http://blog.{new}/" in head
        assert "MemoryMax=70%" in server.root("cat /etc/systemd/system/ship.slice")
        most = int(server.root("systemctl show ship.slice -p MemoryMax --value"))
        total = (
            int(server.root("sed -n 's/^MemTotal: *\\([0-9]*\\) kB/\\1/p' /proc/meminfo")) * 1024
        )
        assert abs(most / total - 0.7) < 0.01
        assert "server:set" in server.root("ship audit -n 3")
        blog.commit({"index.html": "again"})
        pushed = blog.push()
        assert pushed.status == 0, pushed.text
    finally:
        server.ship(f"server:set domain={DOMAIN} apps_memory=90%")
        server.ship("server:unset former_domains")
    assert blog.page()
    refused = server.ship("server:set python_mirror=https://example.com/", check=False)
    assert refused.returncode == 21
    assert "server:harden --check" in server.ship("server:info").stdout


@pytest.mark.usefixtures("undone")
def test_hardening_stands_once_a_second_login_confirms_and_goes_away_again(
    server: ShipServer, blog: Site
) -> None:
    before = server.root(STATE)
    server.root(f"systemd-run --unit=other python3 -m http.server {OTHER_PORT}")
    server.machine.wait_until(lambda: _answers(server, OTHER_PORT), "serves")
    first = _as_root(server, "ship server:harden --yes; ship server:harden --confirm; echo still")
    assert "ship server:harden --confirm" in first.stderr
    assert "This login is from before the change" in first.stderr
    assert first.stdout.endswith("still\n"), "who is logged in stays"
    assert "PasswordAuthentication no" in server.machine.read(OURS)
    assert "publickey)" in _by_password(server), "and no password is asked for"
    assert not _answers(server, OTHER_PORT)
    confirmed = _as_root(server, "ship server:harden --confirm")
    assert confirmed.stderr == "Confirmed: it stays.\n"
    assert "ship-harden-back" not in server.root("systemctl list-timers --all")
    server.machine.reboot()
    assert not _answers(server, OTHER_PORT)
    assert blog.page()
    blog.publish("after the hardening")
    checked = {line[:11].strip(): line[11:20].strip() for line in _checked(server)}
    expected = dict.fromkeys(("updates", "journal", "firewall", "ssh login"), "done")
    assert {name: checked[name] for name in expected} == expected
    again = server.root("ship server:harden --undo 2>&1")
    assert "ssh login  as it was before" in again
    assert server.root(STATE) == before


@pytest.mark.usefixtures("undone")
@pytest.mark.parametrize("how", ["timer", "boot", "command"])
def test_what_nobody_confirms_goes_back(server: ShipServer, how: str) -> None:
    before = server.root(STATE)
    _as_root(server, "ship server:harden --yes")
    assert _exists(server, OURS)
    assert "ship-harden-back.timer" in server.root("systemctl list-timers")
    if how == "boot":
        server.machine.reboot()
    else:
        # two minutes later
        server.root(f'sed -i \'s/"until":[0-9.]*/"until":1.0/\' {PENDING}')
    if how == "timer":
        server.root("systemctl start ship-harden-back.service")
    if how == "command":
        server.root("systemctl stop ship-harden-back.timer; ship apps")
    server.machine.wait_until(lambda: not _exists(server, PENDING), "is back")
    assert server.root(STATE) == before


@pytest.mark.usefixtures("undone")
def test_without_a_key_that_logs_in_passwords_stay(server: ShipServer) -> None:
    """Such as the one that a cloud puts before root's keys: it only says who to log in as."""
    keys = server.machine.read("/root/.ssh/authorized_keys")
    server.machine.write("/root/.ssh/authorized_keys", f'command="echo no" {keys}')
    try:
        done = server.machine.run("ship server:harden --yes", check=False)
    finally:
        server.machine.write("/root/.ssh/authorized_keys", keys)
    assert done.returncode == 8
    assert "No key would be left that logs in to root" in done.stdout
    assert not _exists(server, OURS)
    server.root("ship server:harden --confirm")


@pytest.mark.usefixtures("undone")
def test_the_installer_hardens_where_it_is_told_to(server: ShipServer) -> None:
    shown = install(server.machine, "--harden", "--dry-run").stdout
    assert "firewall   not done  ufw is off" in shown
    done = install(server.machine, "--harden").stdout
    assert "-----> Hardening this machine" in done
    assert "from a second login: ship server:harden --confirm" in done
    assert _exists(server, PENDING)


def test_an_update_that_fails_goes_back_to_the_version_before(
    server: ShipServer, blog: Site
) -> None:
    """Half way through: the new version is there, and its part of the installation breaks."""
    server.root(
        "cp -a /root/ship /root/next; cd /root/next;"
        " sed -i 's/0\\.1\\.0/9.9.9/' pyproject.toml receiver/__init__.py;"
        " echo 'raise RuntimeError' >> receiver/setup/installation.py;"
        " tar -C /root -czf /root/next.tar.gz next"
    )
    tree = server.root("readlink /opt/ship")
    assert server.root("ship server:update 2>/dev/null") == f"Ship 0.1.0 is here, in {tree}."
    failed = _updated(server, "/root/next.tar.gz")
    assert failed.returncode == 8
    assert failed.stderr.splitlines()[0] == "Ship 0.1.0 is here; 9.9.9 follows."
    assert "install ship in /opt/ship" in failed.stdout
    assert "The version before it is back, with its units and nginx's files." in failed.stderr
    assert server.root("readlink /opt/ship") == tree
    assert server.root("ship version; ship server:install") == "ship 0.1.0"
    assert blog.page()
    assert server.root("ls -d /opt/ship-versions/.update.* 2>/dev/null || true") == ""
    again = _updated(server, "/root/ship")
    assert again.returncode == 0, again.stderr
    assert again.stderr.splitlines()[-1] == "Ship 0.1.0 is here."


def test_an_older_ship_refuses_the_files_of_a_newer_one(server: ShipServer) -> None:
    said, tree = (
        "The files of this server are from a newer Ship.",
        server.root("readlink /opt/ship"),
    )
    assert server.root("cat /var/lib/ship/format") == "1"
    server.root("echo 7 > /var/lib/ship/format")
    try:
        switch = "/opt/ship/bin/python -I -m receiver.setup.versions switch /nowhere"
        for words in ("ship apps", "ship server:update /root/ship", switch):
            refused = server.machine.run(words, check=False)
            assert refused.returncode
            assert said in refused.stderr
    finally:
        server.root("echo 1 > /var/lib/ship/format")
    assert server.root("readlink /opt/ship") == tree
    assert _updated(server, "/etc").returncode == 20, "which is no Ship"


def _updated(server: ShipServer, sources: str) -> Completed:
    return server.machine.run(f"ship server:update {sources}", check=False, timeout_s=300)


def _exists(server: ShipServer, path: str) -> bool:
    return server.machine.run(("test", "-e", path), check=False).returncode == 0


def _as_root(server: ShipServer, line: str) -> Completed:
    return server.laptop.ssh("root@vps", line, check=False)


def _checked(server: ShipServer) -> list[str]:
    lines = server.machine.run("ship server:harden --check", check=False).stdout.splitlines()
    return [line for line in lines if not line.startswith(" ")]


def _by_password(server: ShipServer) -> str:
    options = ("-o", "PreferredAuthentications=password,keyboard-interactive")
    argv = (*server.laptop.ssh_argv(), *options, "root@vps", "true")
    return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60).stderr


def _answers(server: ShipServer, port: int) -> bool:
    with suppress(OSError), socket.create_connection((server.machine.address, port), timeout=2):
        return True
    return False


def _head(server: ShipServer, host: str) -> str:
    with socket.create_connection((server.machine.address, 80), timeout=20) as connection:
        connection.sendall(f"GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        return b"".join(iter(lambda: connection.recv(65536), b"")).decode()

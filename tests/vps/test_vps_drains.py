"""A log drain on a real machine: a unit with few rights, over TLS, through a reboot, gone with
its app."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.needs import require_program
from tests.vps.ship_server import ShipServer, Site

SECRET = "0123456789secret"
UNIT = "ship.drain.drained.d1.service"
CODE = """
import sys

def app(environ, start_response):
    print("said by the app:", environ["PATH_INFO"], file=sys.stderr, flush=True)
    start_response("200 OK", [("Content-Length", "2")])
    return [b"ok"]
"""
# Takes batches over HTTPS, and keeps them with the address that they were sent to.
RECEIVER = """
import http.server, ssl
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with open("/root/received", "ab") as kept:
            kept.write(self.path.encode() + b" " + body)
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()
    def log_message(self, *_):
        pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 8443), Handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("/root/receiver.pem")
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
"""
RECEIVER_UNIT = (
    "[Service]\nExecStart=python3 /root/log_receiver.py\n[Install]\nWantedBy=multi-user.target\n"
)
# What can be seen and written in the drain's namespaces, tried as root, which its one right may not
# exceed.
PROBE = """
home=/var/lib/ship/apps/drained
for path in /etc/shadow $home/config.json $home/releases/v1/env.json $home/storage $home/venvs \\
  /etc/ship/keys /var/lib/ship/repos/drained.git; do
  test -n "$(nsenter -t PID -m -- sh -c "cat $path || ls $path" 2>/dev/null)" && echo "read $path"
done
nsenter -t PID -m -- touch /etc/written $home/written 2>/dev/null && echo written
test -n "$(nsenter -t PID -m -- cat $home/app.toml)" || echo "the app is hidden"
true
"""


@pytest.fixture(scope="module")
def receiver(
    ship_server: ShipServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ShipServer]:
    """The server, with a receiver of log lines on it."""
    _start_receiver(ship_server, tmp_path_factory.mktemp("certificate"))
    yield ship_server
    ship_server.root(
        "systemctl disable --now receiver; rm -f /etc/systemd/system/receiver.service", check=False
    )


@pytest.fixture
def site(receiver: ShipServer) -> Iterator[Site]:
    """An app with a drain that runs."""
    made = receiver.site("drained")
    made.publish("first", {"app.py": CODE})
    added = made.ship(f"drains:add 'https://127.0.0.1:8443/in?token={SECRET}'")
    assert "goes to https://127.0.0.1:8443/in?token=***, as d1." in added.stderr
    receiver.machine.wait_until(
        lambda: receiver.root("ls /var/lib/private/ship-drains/drained.d1 || true") != "",
        "has begun",
        20,
    )
    yield made
    for name in ("drained", "emptied"):
        receiver.ship(f"apps:destroy {name} --confirm {name}", check=False)
    receiver.root("rm -f /root/received")


def _start_receiver(server: ShipServer, folder: Path) -> None:
    """A service with a certificate that the machine's store trusts."""
    machine, pem = server.machine, folder / "receiver.pem"
    subprocess.run(
        (
            require_program("openssl"),
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-days",
            "2",
            "-subj",
            "/CN=logs",
            "-addext",
            "subjectAltName=IP:127.0.0.1",
            "-keyout",
            pem,
            "-out",
            folder / "ca.crt",
        ),
        check=True,
        capture_output=True,
    )
    machine.write("/root/receiver.pem", pem.read_text() + (folder / "ca.crt").read_text())
    machine.copy_in(folder / "ca.crt", "/usr/local/share/ca-certificates/receiver.crt")
    machine.run("update-ca-certificates")
    machine.write("/root/log_receiver.py", RECEIVER)
    machine.write("/etc/systemd/system/receiver.service", RECEIVER_UNIT)
    machine.run("systemctl daemon-reload; systemctl enable --now receiver")


def received(site: Site) -> str:
    return site.server.root("cat /root/received 2>/dev/null || true")


def _status(site: Site) -> dict[str, Any]:
    (found,) = json.loads(site.ship("drains --json").stdout)
    return dict(found)


def wait_for(site: Site, text: str) -> None:
    site.server.machine.wait_until(lambda: text in received(site), f"sent {text}", 30)


def test_lines_of_app_and_router_arrive_through_a_reboot(site: Site) -> None:
    site.page("/one")
    wait_for(site, "drained.example.com router nginx - GET /one 200")
    wait_for(site, "drained.example.com app web - said by the app: /one")
    assert f"/in?token={SECRET} " in received(site)
    site.server.machine.reboot()
    site.server.machine.wait_until(
        lambda: site.server.ask("drained.example.com")[0] == 200, "serves again", 60
    )
    site.page("/two")
    wait_for(site, "said by the app: /two")
    text = received(site)
    assert text.count("GET /one ") == text.count("GET /two ") == 1
    assert text.count("said by the app: /one") == text.count("said by the app: /two") == 1
    site.server.machine.wait_until(lambda: _status(site)["sent"] >= 4, "has counted them", 10)
    assert _status(site)["state"] == "up"
    assert site.ship("drains:test d1").stderr.endswith("took a line.\n")


def test_it_has_few_rights_and_its_address_is_nowhere_to_be_seen(site: Site) -> None:
    root = site.server.root
    pid = root(("systemctl", "show", "--property=MainPID", "--value", UNIT))
    status = root(f"cat /proc/{pid}/status")
    fields = dict(line.split(":\t", 1) for line in status.splitlines())
    uid = fields["Uid"].split()[0]
    assert int(uid) > 60_000
    assert int(fields["CapEff"], 16) == int(fields["CapBnd"], 16) == 1 << 2
    assert fields["NoNewPrivs"] == "1"
    assert root(PROBE.replace("PID", pid)) == ""
    assert SECRET not in root(f"systemctl cat {UNIT}")
    assert SECRET not in root("ps axww -o args")
    assert SECRET not in root("journalctl --no-pager | cat")
    assert root("stat -c '%a %U' /var/lib/ship/apps/drained/drains/d1.json") == "600 root"


def test_what_people_do_to_the_app_is_sent_too(site: Site) -> None:
    site.ship("ps:restart")
    wait_for(site, "drained.example.com ship - - ps:restart (by ")


def test_a_newer_ship_starts_it_anew(site: Site) -> None:
    root = site.server.root
    show = ("systemctl", "show", "--property=MainPID", "--value", UNIT)
    before = root(show)
    assert "anew" not in root("/opt/ship/bin/ship server:install")
    root(
        "echo another > /opt/ship/.installed.new; cp /opt/ship/.installed "
        "/opt/ship/.installed.old;"
        "mv /opt/ship/.installed.new /opt/ship/.installed"
    )
    assert "start the drain d1 of drained anew" in root("/opt/ship/bin/ship server:install")
    site.server.machine.wait_until(lambda: root(show) not in {"0", before}, "runs again", 20)
    root("mv /opt/ship/.installed.old /opt/ship/.installed; /opt/ship/bin/ship server:install")


def test_it_ends_with_its_app(site: Site) -> None:
    root = site.server.root
    site.server.ship("apps:rename emptied -a drained")
    site.server.machine.wait_until(
        lambda: root("systemctl is-active ship.drain.emptied.d1.service || true") == "active",
        "goes on under the new name",
        20,
    )
    site.server.ask("emptied.example.com", "/renamed")
    wait_for(site, "emptied.example.com router nginx - GET /renamed 200")
    site.server.ship("apps:destroy emptied --confirm emptied")
    assert root("systemctl list-units --all --plain --no-legend 'ship.drain.*'") == ""
    assert (
        root(
            "ls -d /etc/systemd/system/ship.drain.* /var/lib/private/ship-drains "
            "/var/lib/ship-drains 2>/dev/null || true"
        )
        == ""
    )

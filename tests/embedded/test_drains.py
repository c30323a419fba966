"""Log drains on an embedded server: to a real rsyslog and to services of HTTP, with receivers
that go away and come back."""

import json
import os
import signal
import socket
import ssl
import subprocess
import threading
from pathlib import Path

import pytest

from receiver.apps import lifecycle as apps
from receiver.apps import renaming
from receiver.drains import records as drain_records
from receiver.drains.senders import SendError, sender
from receiver.hosts.supervisord.drains import drain_process
from receiver.hosts.supervisord.rpc import Supervisor
from receiver.model.drain import parse_target
from receiver.model.log_line import LogLine
from receiver.model.names import AppName
from tests.embedded.embedded_server import DOMAIN, EmbeddedServer, wait_until
from tests.embedded.log_receivers import HttpReceiver, rsyslog
from tests.needs import require_program
from tests.ports import free_port

pytestmark = pytest.mark.embedded

LINES = [
    LogLine(1_767_225_600_000_000, "app", "web", b"one"),
    LogLine(1_767_225_600_000_001, "router", "nginx", b"two"),
]


def ship(server: EmbeddedServer, *words: str) -> tuple[int, str, str]:
    done = server.ship(*words)
    return done.status, done.out, done.err


def typed(server: EmbeddedServer, *words: str) -> str:
    """What a command that works says, on both ways."""
    status, out, err = ship(server, *words)
    assert status == 0, err
    return out + err


def status_of(server: EmbeddedServer, app: str, name: str = "d1") -> dict[str, object]:
    found = json.loads(typed(server, "drains", "--json", "-a", app))
    return next(it for it in found if it["name"] == name)


def process_of(server: EmbeddedServer, app: str, name: str = "d1") -> int:
    supervisor = Supervisor(server.layout.run / "supervisor.sock")
    return supervisor.state(drain_process(AppName(app), name)).pid


def add(server: EmbeddedServer, app: str, url: str, *words: str) -> str:
    """Add a drain, and wait until it has begun to read."""
    said = typed(server, "drains:add", url, *words, "-a", app)
    name = drain_records.read(server.paths(app))[-1].name
    state = server.layout.state / "drains" / f"{app}.{name}" / "state.json"
    wait_until(state.exists, 20)
    return said


def ask(server: EmbeddedServer, app: str, first: int, last: int) -> list[str]:
    """Ask for a row of pages that are not there; their addresses."""
    paths = [f"/page/{number}" for number in range(first, last)]
    for path in paths:
        server.ask(app, path)
    return paths


@pytest.mark.parametrize("scheme", ["syslog", "syslog+tcp"])
def test_rsyslog_takes_lines(server: EmbeddedServer, tmp_path: Path, scheme: str) -> None:
    app = server.create(f"to-{scheme.replace('+', '-')}")
    with rsyslog(tmp_path) as (port, log):
        said = add(server, app, f"{scheme}://127.0.0.1:{port}")
        assert f"What {app} writes from now on goes to {scheme}://127.0.0.1:{port}, as d1." in said
        assert "who is on the way can read it" in said
        ask(server, app, 0, 3)
        wait_until(lambda: log.read_text().count("GET /page/") == 3)
        tried = typed(server, "drains:test", "d1", "-a", app)
        assert ("UDP tells nobody" in tried) == (scheme == "syslog")
        wait_until(lambda: "A test of the drain d1" in log.read_text())
        first, *_, last = log.read_text().splitlines()
        assert first.startswith(f"{app}.{DOMAIN}|router|nginx|local7.info|GET /page/0 404 ")
        assert last.startswith(
            f"{app}.{DOMAIN}|ship|drain|local7.info|A test of the drain d1 of {app}"
        )
        wait_until(lambda: int(str(status_of(server, app)["sent"])) >= 3)
        assert "d1  up  " in typed(server, "drains", "-a", app)
        apps.destroy(server.server, app)


def test_a_receiver_of_http_that_goes_away_and_comes_back(server: EmbeddedServer) -> None:
    app, port = server.create("to-http"), free_port()
    url = f"http://logs:very-secret@127.0.0.1:{port}/in?token=also-secret"
    with HttpReceiver(port) as receiver:
        said = add(server, app, url)
        first = ask(server, app, 0, 5)
        wait_until(lambda: receiver.paths() == first)
        head = receiver.heads[0]
        assert head["path"] == "/in?token=also-secret"
        assert head["Content-Type"] == "application/logplex-1"
        assert head["Authorization"].startswith("Basic ")
        frame, _, rest = receiver.bodies[-1].partition(b" ")
        assert rest[: int(frame)].endswith(b"\n")
    second = ask(server, app, 5, 10)
    wait_until(lambda: status_of(server, app)["state"] == "retrying")
    listing = typed(server, "drains", "-a", app)
    assert "Connection refused" in listing
    audit = typed(server, "audit", "-n", "50")
    assert f"d1 to http://***@127.0.0.1:{port}/in?token=***" in audit
    assert "secret" not in said + listing + audit + json.dumps(status_of(server, app))
    with HttpReceiver(port) as receiver:
        wait_until(lambda: receiver.paths() == second, 30)
        wait_until(lambda: status_of(server, app)["state"] == "up")
        receiver.status = 503
        third = ask(server, app, 10, 13)
        wait_until(lambda: "answered 503" in str(status_of(server, app)["error"]))
        receiver.status = 200
        wait_until(lambda: receiver.paths() == second + third, 30)
    apps.destroy(server.server, app)


def test_a_restart_doubles_nothing_and_loses_nothing(server: EmbeddedServer) -> None:
    app, port = server.create("restarted"), free_port()
    with HttpReceiver(port) as receiver:
        add(server, app, f"http://127.0.0.1:{port}/")
        asked = ask(server, app, 0, 20)
        before = process_of(server, app)
        os.kill(before, signal.SIGTERM)
        asked += ask(server, app, 20, 40)
        wait_until(lambda: process_of(server, app) == 0 or process_of(server, app) != before)
        supervisor = Supervisor(server.layout.run / "supervisor.sock")
        supervisor.start(drain_process(app, "d1"))
        asked += ask(server, app, 40, 60)
        wait_until(lambda: len(receiver.paths()) >= 60, 30)
        assert receiver.paths() == asked
    apps.destroy(server.server, app)


def test_a_process_that_is_killed_comes_back_and_loses_nothing(server: EmbeddedServer) -> None:
    app, port = server.create("struck"), free_port()
    with HttpReceiver(port) as receiver:
        add(server, app, f"http://127.0.0.1:{port}/", "--format", "json")
        asked = ask(server, app, 0, 5)
        wait_until(lambda: receiver.text.count("/page/") == 5)
        before = process_of(server, app)
        os.kill(before, signal.SIGKILL)
        asked += ask(server, app, 5, 10)
        wait_until(lambda: process_of(server, app) not in {0, before}, 30)
        wait_until(lambda: "/page/9 " in receiver.text, 30)
        told = [json.loads(line) for line in receiver.text.splitlines()]
    assert {it["message"].split()[1] for it in told if it["source"] == "router"} == set(asked)
    assert {it["app"] for it in told} == {app}
    apps.destroy(server.server, app)


def test_a_drain_ends_with_its_removal_a_rename_and_the_app(server: EmbeddedServer) -> None:
    app, port = server.create("leaves"), free_port()
    layout = server.layout
    with HttpReceiver(port) as receiver:
        add(server, app, f"http://127.0.0.1:{port}/a", "--name", "first")
        add(server, app, f"http://127.0.0.1:{port}/b")
        assert ship(server, "drains:add", f"http://127.0.0.1:{port}/b", "-a", app)[0] == 22
        assert ship(server, "drains:remove", "none", "-a", app)[0] == 20
        typed(server, "drains:remove", f"http://127.0.0.1:{port}/a", "-a", app)
        assert process_of(server, app, "first") == 0
        renaming.rename(server.server, app, AppName("left"))
        assert process_of(server, app) == 0
        wait_until(lambda: process_of(server, "left") != 0)
        wait_until((layout.state / "drains/left.d1/state.json").exists, 20)
        server.ask("left", "/after-the-rename")
        wait_until(lambda: "/after-the-rename" in receiver.text)
        apps.destroy(server.server, AppName("left"))
        assert process_of(server, "left") == 0
    assert list(layout.units.glob("ship.drain.*")) == []
    assert list((layout.state / "drains").iterdir()) == []


def test_addresses_that_lead_nowhere(server: EmbeddedServer) -> None:
    app = server.create("nowhere")
    status, _, said = ship(server, "drains:add", "logs.example.com", "-a", app)
    assert status == 2
    assert "Lines cannot be sent to this address." in said
    assert "has no drains" in typed(server, "drains", "-a", app)
    assert ship(server, "drains:add", "syslog://host/path", "-a", app)[0] == 2
    add(server, app, f"syslog+tcp://127.0.0.1:{free_port()}")
    status, _, said = ship(server, "drains:test", "d1", "-a", app)
    assert status == 8
    assert "Connection refused" in said
    apps.destroy(server.server, app)


@pytest.fixture(scope="module")
def certified(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ssl.SSLContext]:
    """A certificate for 127.0.0.1 that nobody else trusts, and a server's side of TLS with it."""
    folder = tmp_path_factory.mktemp("certificate")
    key, certificate = folder / "key.pem", folder / "certificate.pem"
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
            key,
            "-out",
            certificate,
        ),
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return certificate, context


def test_https(certified: tuple[Path, ssl.SSLContext], monkeypatch: pytest.MonkeyPatch) -> None:
    certificate, context = certified
    port = free_port()
    with HttpReceiver(port, context) as receiver:
        way = sender(parse_target(f"https://127.0.0.1:{port}/in"), "logplex", "blog", "blog.test")
        with pytest.raises(SendError, match="certificate"):
            way.send(LINES)
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        way.send(LINES)
        way.send(LINES)
        way.close()
    assert receiver.heads[-1]["Logplex-Msg-Count"] == "2"
    assert receiver.text.count("one") == 2


def test_syslog_over_tls(
    certified: tuple[Path, ssl.SSLContext], monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate, context = certified
    received: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def take() -> None:
            for _ in range(3):
                taken, _ = listener.accept()
                try:
                    with context.wrap_socket(taken, server_side=True) as way:
                        received.append(way.recv(65536))
                except OSError:
                    taken.close()

        thread = threading.Thread(target=take)
        thread.start()
        port = listener.getsockname()[1]
        way = sender(parse_target(f"syslog+tls://127.0.0.1:{port}"), "logplex", "blog", "blog.test")
        with pytest.raises(SendError, match="certificate"):
            way.send(LINES)
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        way.send(LINES)
        wait_until(lambda: len(received) == 1)
        wait_until(lambda: _sent_again(way, received))  # the receiver has hung up meanwhile
        way.close()
        thread.join()
    assert received[0].startswith(
        b"60 <190>1 2026-01-01T00:00:00.000000Z blog.test app web - - one"
    )
    assert received[1] == received[0]


def _sent_again(way: object, received: list[bytes]) -> bool:
    if len(received) == 1:
        way.send(LINES)  # type: ignore[attr-defined] # a Sender
    return len(received) == 2


def test_an_answer_without_end_is_not_held() -> None:
    sent = 0

    def answer(listening: socket.socket) -> None:
        nonlocal sent
        way, _ = listening.accept()
        with way:
            way.recv(65_536)
            way.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
            try:
                while sent < 1_000_000_000:
                    sent += way.send(bytes(65_536))
            except OSError:
                return

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=answer, args=(listening,))
        thread.start()
        port = listening.getsockname()[1]
        way = sender(parse_target(f"http://127.0.0.1:{port}/in"), "logplex", "blog", "blog.test")
        way.send(LINES)
        thread.join(30)
        assert not thread.is_alive()
        assert sent < 100_000_000

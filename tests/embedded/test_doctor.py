"""`ship doctor` of an embedded server: faults are planted, named, mended and gone, with
supervisord and an nginx of its own."""

import json
import os
import re
import socket
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from receiver.hosts.supervisord.programs import held_process
from receiver.model.finding import EXIT_FINDINGS
from receiver.model.names import AppName
from receiver.nginx import program as nginx
from receiver.setup import embedded
from receiver.state import records
from tests.embedded.doctor_faults import (
    ADVISED,
    FAULTS,
    ILL,
    Advised,
    Fault,
    page,
    paths,
    ship,
    supervisor,
    typed,
)
from tests.embedded.embedded_server import EmbeddedServer, embedded_server, wait_until
from tests.embedded.keyboard import SHIP, Typed
from tests.embedded.pushing import wsgi

pytestmark = pytest.mark.embedded

WORKER = "import time; time.sleep(9999)"


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedServer]:
    with embedded_server() as found:
        found.create("ill")
        checkout = found.checkout("ill")
        checkout.commit(
            {**wsgi("well"), "Procfile": f'web: gunicorn app:app\nworker: python -c "{WORKER}"\n'}
        )
        pushed = checkout.push()
        assert pushed.status == 0, pushed.text
        ship(found, "ps:scale", "worker=1", "-a", "ill")
        yield found


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_is_named_and_mended(server: EmbeddedServer, fault: Fault) -> None:
    fault.plant(server)
    seen = ship(server, "doctor", "--json")
    assert fault.finding in _names(seen), seen.out
    assert seen.status == (0 if fault.note_only else EXIT_FINDINGS)
    mended = ship(server, "doctor", "--fix")
    assert mended.status == 0, mended.out + mended.err
    after = ship(server, "doctor", "--json")
    assert fault.finding not in _names(after), after.out
    assert after.status == 0, after.out
    fault.afterwards(server)
    wait_until(lambda: page(server) == (200, "well"))


def _names(seen: Typed) -> set[str]:
    return {each["name"] for each in json.loads(seen.out)["findings"]}


def test_lost_config_vars_are_written_again_where_it_is_sure_what_they_were(
    server: EmbeddedServer,
) -> None:
    server.create("vars")
    checkout = server.checkout("vars")
    checkout.commit(wsgi("vars"))
    assert checkout.push().status == 0
    try:
        ship(server, "config:set", "COLOUR=green", "-a", "vars")
        assert _lose_config_vars(server, 0) == {"COLOUR": "green"}
        ship(server, "config:set", "PENDING=1", "--no-restart", "-a", "vars")
        assert _lose_config_vars(server, EXIT_FINDINGS) is None
        assert ship(server, "releases:retry", "-a", "vars").status == 0
        refused = ship(server, "rollback", "v2", "-a", "vars")
        assert "(not-found/config-vars)" in refused.err, "it would run without any"
        ship(server, "config:set", "LATER=1", "-a", "vars")
        ship(server, "config:set", "PENDING=2", "--no-restart", "-a", "vars")
        assert ship(server, "rollback", "v3", "-a", "vars").status == 0
        assert _lose_config_vars(server, 0) == {"COLOUR": "green", "PENDING": "1"}
    finally:
        ship(server, "apps:destroy", "vars", "--confirm", "vars")


def _lose_config_vars(server: EmbeddedServer, status: int) -> dict[str, str] | None:
    """What the live release's own file of them holds after it was removed, and the doctor's
    repair."""
    env = server.layout.app(AppName("vars")).current.resolve() / "env.json"
    env.unlink()
    mended = ship(server, "doctor", "--fix", "-a", "vars")
    assert mended.status == status, mended.out + mended.err
    assert "The config vars that v" in mended.out + mended.err
    if not env.exists():
        return None
    assert stat.S_IMODE(env.stat().st_mode) == 0o640
    return records.read_config(env)


def test_an_app_that_somebody_stopped_or_never_pushed_is_no_fault_and_told(
    server: EmbeddedServer,
) -> None:
    server.create("empty")
    ship(server, "ps:stop", "-a", "ill")
    told = ship(server, "doctor")
    ship(server, "ps:start", "-a", "ill")
    ship(server, "apps:destroy", "empty", "--confirm", "empty")
    assert "note      ill was stopped: visitors get 503.\n" in told.out
    assert "Do: `ship ps:start -a ill`." in told.out
    assert "note      empty has no release yet: visitors get 404.\n" in told.out
    assert told.status == 0


@pytest.mark.parametrize("row", ADVISED, ids=lambda row: row.name)
def test_what_the_doctor_advises_leads_to_a_healthy_app(
    server: EmbeddedServer, row: Advised
) -> None:
    row.plant(server)
    seen = json.loads(ship(server, "doctor", "--json").out)["findings"]
    (advice,) = (each["advice"] for each in seen if each["name"] == row.finding)
    assert advice.startswith(row.advice), advice
    assert "/var/lib/ship" not in advice, "it is a server in a folder"
    row.also(server, advice)
    for line in re.findall(r"`ship ([^`]+)`", advice):
        done = ship(server, *line.replace("SIZE", "10M").split())
        assert done.status == 0, done.out + done.err
    assert ship(server, "doctor").out == "All is well: the server and ill.\n"
    wait_until(lambda: page(server) == (200, "well"))
    row.afterwards(server)


def test_an_app_that_is_pushed_and_corrected_as_advised_is_well(server: EmbeddedServer) -> None:
    server.create("crashes")
    checkout = server.checkout("crashes")
    checkout.commit({"Procfile": "worker: echo no queue && exit 3\n"})
    try:
        assert "Do: `git push prod main`." in ship(server, "doctor", "-a", "crashes").out
        assert _names(ship(server, "doctor", "-a", "crashes", "--json")) == {"web.not-deployed"}
        assert checkout.push().status == 0
        ship(server, "ps:scale", "worker=1", "-a", "crashes")
        advice = "`ship logs -p worker.1 -a crashes`, correct the app and push again."
        wait_until(lambda: advice in ship(server, "doctor", "-a", "crashes").out)
        assert "process.crashes" in _names(ship(server, "doctor", "-a", "crashes", "--json"))
        assert "no queue" in ship(server, "logs", "-p", "worker.1", "-a", "crashes").out
        checkout.commit({"Procfile": "worker: sleep 1000\n"})
        assert checkout.push().status == 0
        assert ship(server, "doctor", "-a", "crashes").status == 0
    finally:
        ship(server, "apps:destroy", "crashes", "--confirm", "crashes")


def test_a_torn_record_leads_to_the_doctor(server: EmbeddedServer) -> None:
    kept = paths(server).live.read_text()
    paths(server).live.write_text(kept[:7])
    told = ship(server, "ps", "-a", "ill")
    paths(server).live.write_text(kept)
    assert "(server/bad-record)" in told.err
    assert "`ship doctor --fix`" in told.err


DIES = """
import os

def app(environ, start_response):
    if environ["PATH_INFO"] == "/dies":
        os._exit(1)
    start_response("200 OK", [])
    return [b"well"]
"""


def test_requests_that_failed_are_told_for_an_hour(server: EmbeddedServer) -> None:
    app = AppName("failed")
    server.publish(app, wsgi("well") | {"app.py": DIES})
    assert server.ask(app, "/dies")[0] == 502
    seen = ship(server, "doctor", "-a", "failed", "--json")
    assert _names(seen) == {"web.failed-lately"}
    assert "See `ship logs -p web -a failed`." in seen.out
    assert ship(server, "logs", "-p", "web", "-a", "failed").status == 0
    log = server.host.request_logs.of(app, "access")
    hour_ago = re.sub(r'"at":"(\d+)', lambda at: f'"at":"{int(at[1]) - 3601}', log.read_text())
    log.write_text(hour_ago)
    assert _names(ship(server, "doctor", "-a", "failed", "--json")) == set()
    ship(server, "apps:destroy", "failed", "--confirm", "failed")


SHARES = """
import http.server, os, socket
class Server(http.server.HTTPServer):
    def server_bind(self):
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        super().server_bind()
Server(("127.0.0.1", int(os.environ["PORT"])), http.server.SimpleHTTPRequestHandler).serve_forever()
"""


def test_another_process_that_takes_visitors_is_named(server: EmbeddedServer) -> None:
    server.publish("shares", {"Procfile": "web: python shares.py\n", "shares.py": SHARES})
    settings = records.read_app(server.layout.app(AppName("shares")))
    assert ship(server, "doctor", "-a", "shares").status == 0
    with socket.create_server(("127.0.0.1", settings.port_a), reuse_port=True):
        told = ship(server, "doctor", "-a", "shares")
        assert "port.shared" in _names(ship(server, "doctor", "-a", "shares", "--json"))
    assert f"Do: End it, `kill {os.getpid()}`" in told.out
    assert "then `ship doctor -a shares` again." in told.out
    assert ship(server, "doctor", "-a", "shares").status == 0
    ship(server, "apps:destroy", "shares", "--confirm", "shares")
    assert "Another process takes visitors of shares." in told.out
    assert f"(process {os.getpid()}) listens on port {settings.port_a}" in told.out
    assert told.status == EXIT_FINDINGS


def test_a_healthy_server_has_no_findings(server: EmbeddedServer) -> None:
    assert ship(server, "doctor").out == "All is well: the server and ill.\n"


@pytest.mark.parametrize("name", ["python", "python3", f"python3.{sys.version_info.minor}"])
def test_a_healthy_server_is_so_by_every_name_of_its_python(
    server: EmbeddedServer, name: str, tmp_path: Path
) -> None:
    linked = tmp_path / "linked"
    linked.symlink_to(SHIP.parent.parent)
    for folder in (SHIP.parent, linked / "bin"):
        told = typed(server, str(folder / name), str(SHIP), "doctor")
        assert told.out == "All is well: the server and ill.\n"


def test_a_502_is_explained_with_what_was_seen(server: EmbeddedServer) -> None:
    source = paths(server).current.resolve() / "source" / "app.py"
    code = source.read_text()
    source.write_text(f"import flaskk\n{code}")
    live = records.read_live(paths(server))
    assert live is not None
    server.server.host.stop(ILL, live.slot)
    supervisor(server).start(held_process(ILL, live.slot))
    told = ship(server, "doctor", "-a", "ill")
    source.write_text(code)
    assert "the app imports flaskk, which is not installed" in told.out
    assert f"Port {records.read_app(paths(server)).port}: " in told.out
    assert told.status == EXIT_FINDINGS
    assert ship(server, "doctor", "--fix").status == 0
    assert page(server) == (200, "well")


def test_a_file_of_somebody_elses_is_told_by_its_line_and_left(server: EmbeddedServer) -> None:
    theirs = server.layout.sites_enabled / "theirs.conf"
    theirs.write_text("server {\n  listenn 1;\n}\n")
    try:
        mended = ship(server, "doctor", "--fix")
        assert theirs.exists()
    finally:
        theirs.unlink()
    assert f"{theirs}, line 2" in mended.out
    assert mended.status == EXIT_FINDINGS
    assert ship(server, "doctor").status == 0


def test_a_server_that_is_down_is_told_and_nothing_else(server: EmbeddedServer) -> None:
    embedded.stop(server.root)
    told = ship(server, "doctor", "--json")
    assert "`ship server:start`" in told.out
    assert ship(server, "server:start").status == 0
    assert _names(told) == {"server.down"}
    assert page(server) == (200, "well")


def test_another_program_on_the_http_port_is_named(server: EmbeddedServer) -> None:
    supervisor(server).stop("ship.nginx:ship.nginx")
    with socket.create_server(("127.0.0.1", server.port)):
        told = ship(server, "doctor")
    assert f"process {os.getpid()}" in told.out
    assert "Another program than nginx" in told.out
    assert ship(server, "doctor", "--fix").status == 0
    wait_until(lambda: nginx.master_pid(server.layout) is not None)

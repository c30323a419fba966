"""`ship doctor` of an embedded server: faults are planted, named, mended and gone, with
supervisord and an nginx of its own."""

import json
import os
import re
import socket
import sqlite3
import stat
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from receiver.hosts.supervisord.programs import held_process
from receiver.hosts.supervisord.rpc import Supervisor, control_socket
from receiver.machine import files
from receiver.model.finding import EXIT_FINDINGS
from receiver.model.layout import AppPaths
from receiver.model.names import AppName
from receiver.nginx import program as nginx
from receiver.setup import embedded
from receiver.state import records
from tests.embedded.embedded_server import EmbeddedServer, embedded_server, wait_until
from tests.embedded.keyboard import SHIP, Typed, type_words
from tests.embedded.pushing import wsgi

pytestmark = pytest.mark.embedded

ILL = AppName("ill")
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


def ship(server: EmbeddedServer, *words: str) -> Typed:
    return typed(server, str(SHIP), *words)


def typed(server: EmbeddedServer, *argv: str) -> Typed:
    environment = Typed.environment(server.root) | {"PATH": "/usr/bin:/bin"}
    return type_words(argv, environment, server.folder)


def paths(server: EmbeddedServer) -> AppPaths:
    return server.layout.app(ILL)


def supervisor(server: EmbeddedServer) -> Supervisor:
    return Supervisor(control_socket(server.layout))


def page(server: EmbeddedServer) -> tuple[int, str]:
    return server.ask("ill")


class Fault(NamedTuple):
    name: str
    plant: Callable[[EmbeddedServer], object]
    finding: str


def _edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def _aim_elsewhere(server: EmbeddedServer) -> None:
    files.link_atomically(paths(server).current, "releases/v99")


def _stop_web(server: EmbeddedServer) -> None:
    live = records.read_live(paths(server))
    assert live is not None
    server.server.host.stop(ILL, live.slot)


def _start_other(server: EmbeddedServer) -> None:
    """Without a release it ends at once, and is started again."""
    live = records.read_live(paths(server))
    assert live is not None
    supervisor(server).start(held_process(ILL, "b" if live.slot == "a" else "a"))


def _remove_run_folder(server: EmbeddedServer) -> None:
    live = records.read_live(paths(server))
    assert live is not None
    files.remove_tree(paths(server).slot_run(live.slot))


FAULTS = (
    Fault("site deleted", lambda it: it.layout.site(ILL).unlink(), "nginx.site-missing"),
    Fault(
        "site edited",
        lambda it: _edit(it.layout.site(ILL), "server_tokens off;", "server_tokens on;"),
        "nginx.site-edited",
    ),
    Fault(
        "shared file edited",
        lambda it: _edit(
            it.layout.sites_available / "00-ship.conf",
            "server_tokens off;",
            "server_tokens on;",
        ),
        "nginx.shared",
    ),
    Fault(
        "link missing",
        lambda it: it.layout.site_link(ILL).unlink(),
        "nginx.site-not-enabled",
    ),
    Fault("nginx stopped", lambda it: supervisor(it).stop("ship.nginx:ship.nginx"), "nginx.down"),
    Fault(
        "receiver stopped",
        lambda it: supervisor(it).stop("ship.http:ship.http"),
        "server.program-down",
    ),
    Fault(
        "program file edited",
        lambda it: _edit(it.layout.units / "ill.conf", "[fcgi-program", "# mine\n[fcgi-program"),
        "unit.edited",
    ),
    Fault("web stopped", _stop_web, "web.down"),
    Fault("other slot started", _start_other, "web.second-slot"),
    Fault("run folder gone", _remove_run_folder, "web.run-folder"),
    Fault(
        "worker stopped",
        lambda it: it.server.host.background.stop(
            ILL, [next(iter(it.server.host.background.running(ILL)))]
        ),
        "process.down",
    ),
    Fault("current elsewhere", _aim_elsewhere, "release.link"),
    Fault("live.json gone", lambda it: paths(it).live.unlink(), "release.live-record"),
    Fault(
        "files gone",
        lambda it: files.remove_tree(paths(it).current.resolve() / "source"),
        "release.source",
    ),
    Fault("secrets open", lambda it: it.root.chmod(0o755), "access.owner-or-mode"),
)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_is_named_and_mended(server: EmbeddedServer, fault: Fault) -> None:
    fault.plant(server)
    seen = ship(server, "doctor", "--json")
    names = [each["name"] for each in json.loads(seen.out)["findings"]]
    assert fault.finding in names, seen.out
    assert seen.status == EXIT_FINDINGS
    mended = ship(server, "doctor", "--fix")
    assert mended.status == 0, mended.out + mended.err
    assert ship(server, "doctor", "-a", "ill").status == 0
    wait_until(lambda: page(server) == (200, "well"))


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


class Advised(NamedTuple):
    """What no repair is sure of, so that somebody is told what to do."""

    name: str
    plant: Callable[[EmbeddedServer], object]
    finding: str
    advice: str
    """The start of it."""
    also: Callable[[EmbeddedServer], object] = lambda _: None
    """What is done by hand, before the command that is advised."""
    afterwards: Callable[[EmbeddedServer], object] = lambda _: None
    """Takes away what was left, for the tests that follow."""


def _lose_files(server: EmbeddedServer) -> None:
    live = records.read_live(paths(server))
    assert live is not None
    home = paths(server).release(live.release)
    files.remove_tree(home.source)
    home.slug.unlink()


def _lose_what_is_live(server: EmbeddedServer) -> None:
    at = paths(server)
    at.live.write_text("{")
    for link in (at.current, at.slot("a"), at.slot("b")):
        files.link_atomically(link, "releases/v99")


def _put_a_folder_in_place_of_current(server: EmbeddedServer) -> None:
    paths(server).current.unlink()
    paths(server).current.mkdir()


def _move_it_away(server: EmbeddedServer) -> None:
    paths(server).current.rename(server.folder / "away")


def _write_a_database(server: EmbeddedServer) -> None:
    live = records.read_live(paths(server))
    assert live is not None
    home = paths(server).release(live.release).home
    for built in home.glob("built"):
        os.utime(built, (0, 0))
    with sqlite3.connect(home / "source" / "db.sqlite3") as database:
        database.execute("create table t (a)")


def _tear_the_numbers(server: EmbeddedServer) -> None:
    paths(server).scale.rename(server.folder / "backup")
    paths(server).scale.write_text("{")


def _restore_the_numbers(server: EmbeddedServer) -> None:
    (server.folder / "backup").replace(paths(server).scale)


def _fill_storage(server: EmbeddedServer) -> None:
    ship(server, "storage:quota", "1M", "-a", "ill")
    (paths(server).storage / "large").write_bytes(bytes(2 << 20))


def _empty_storage(server: EmbeddedServer) -> None:
    (paths(server).storage / "large").unlink()
    ship(server, "storage:quota", "none", "-a", "ill")


ADVISED = (
    Advised(
        "stopped",
        lambda it: ship(it, "ps:stop", "-a", "ill"),
        "web.stopped",
        "`ship ps:start -a ill`",
    ),
    Advised(
        "maintenance",
        lambda it: ship(it, "maintenance:on", "-a", "ill"),
        "web.maintenance",
        "`ship maintenance:off -a ill`",
    ),
    Advised(
        "files and slug gone",
        _lose_files,
        "release.source",
        "Push again: `git push prod main`, or `ship releases:retry -a ill`",
    ),
    Advised(
        "nothing says what is live",
        _lose_what_is_live,
        "release.live-record",
        "Move ",
        lambda it: paths(it).live.unlink(),
    ),
    Advised(
        "a folder in place of a link",
        _put_a_folder_in_place_of_current,
        "release.link",
        "Move ",
        _move_it_away,
    ),
    Advised(
        "database in the tree",
        _write_a_database,
        "storage.not-kept",
        "`ship storage:mount db.sqlite3 -a ill`",
        afterwards=lambda it: ship(it, "storage:unmount", "db.sqlite3", "-a", "ill"),
    ),
    Advised(
        "storage beyond its quota",
        _fill_storage,
        "storage.quota",
        "`ship storage -a ill` tells what is large; `ship storage:quota SIZE -a ill`",
        afterwards=_empty_storage,
    ),
    Advised(
        "a record torn",
        _tear_the_numbers,
        "record.unreadable",
        "Restore the file from a backup of ",
        _restore_the_numbers,
    ),
)


@pytest.mark.parametrize("row", ADVISED, ids=lambda row: row.name)
def test_what_the_doctor_advises_leads_to_a_healthy_app(
    server: EmbeddedServer, row: Advised
) -> None:
    row.plant(server)
    seen = json.loads(ship(server, "doctor", "--json").out)["findings"]
    (advice,) = (each["advice"] for each in seen if each["name"] == row.finding)
    assert advice.startswith(row.advice)
    assert "/var/lib/ship" not in advice, "it is a server in a folder"
    row.also(server)
    for line in re.findall(r"`ship ([^`]+)`", advice):
        done = ship(server, *line.replace("SIZE", "10M").split())
        assert done.status == 0, done.out + done.err
    assert ship(server, "doctor").out == "All is well: the server and ill.\n"
    wait_until(lambda: page(server) == (200, "well"))
    row.afterwards(server)


def test_an_app_that_is_pushed_and_corrected_as_advised_is_well(server: EmbeddedServer) -> None:
    """For web.not-deployed and process.crashes."""
    server.create("crashes")
    checkout = server.checkout("crashes")
    checkout.commit({"Procfile": "worker: echo no queue && exit 3\n"})
    try:
        assert "Do: `git push prod main`." in ship(server, "doctor", "-a", "crashes").out
        assert checkout.push().status == 0
        ship(server, "ps:scale", "worker=1", "-a", "crashes")
        advice = "`ship logs -p worker.1 -a crashes`, correct the app and push again."
        wait_until(lambda: advice in ship(server, "doctor", "-a", "crashes").out)
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
    assert "end it; then `ship doctor` again." in told.out
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
    names = {each["name"] for each in json.loads(told.out)["findings"]}
    assert names == {"server.down"}
    assert page(server) == (200, "well")


def test_another_program_on_the_http_port_is_named(server: EmbeddedServer) -> None:
    supervisor(server).stop("ship.nginx:ship.nginx")
    with socket.create_server(("127.0.0.1", server.port)):
        told = ship(server, "doctor")
    assert f"process {os.getpid()}" in told.out
    assert "Another program than nginx" in told.out
    assert ship(server, "doctor", "--fix").status == 0
    wait_until(lambda: nginx.master_pid(server.layout) is not None)

"""What goes wrong on an embedded server: how each fault is planted, what the doctor calls it, and
what is done about it."""

import os
import re
import sqlite3
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace

from receiver.health import workers
from receiver.hosts.supervisord.programs import held_process
from receiver.hosts.supervisord.rpc import Supervisor, control_socket
from receiver.machine import files, git
from receiver.machine.git_leftovers import Move
from receiver.model.layout import AppPaths
from receiver.model.names import AppName
from receiver.model.release import Live
from receiver.state import records
from tests.embedded.embedded_server import EmbeddedServer, wait_until
from tests.embedded.keyboard import SHIP, Typed, type_words

ILL = AppName("ill")


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
    """What `doctor --fix` repairs."""

    name: str
    plant: Callable[[EmbeddedServer], object]
    finding: str
    note_only: bool = False
    afterwards: Callable[[EmbeddedServer], object] = lambda _: None
    """Takes away what was planted beside the fault, for the tests that follow."""


def _live(server: EmbeddedServer) -> Live:
    live = records.read_live(paths(server))
    assert live is not None
    return live


def _edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def _aim_elsewhere(server: EmbeddedServer) -> None:
    files.link_atomically(paths(server).current, "releases/v99")


def _stop_web(server: EmbeddedServer) -> None:
    server.server.host.stop(ILL, _live(server).slot)


def _start_other(server: EmbeddedServer) -> None:
    """Without a release it ends at once, and is started again."""
    supervisor(server).start(held_process(ILL, "b" if _live(server).slot == "a" else "a"))


def _remove_run_folder(server: EmbeddedServer) -> None:
    files.remove_tree(paths(server).slot_run(_live(server).slot))


def _serve_older(server: EmbeddedServer) -> None:
    """Have the workers be of the release before, as if a change was forgotten half way."""
    ship(server, "config:set", "NEWER=1", "-a", "ill")
    live = _live(server)
    slot, folder = paths(server).slot(live.slot), paths(server).slot_run(live.slot)
    files.link_atomically(slot, f"../releases/v{live.release - 1}")
    server.host.reload(ILL, live.slot)
    wait_until(lambda: set(workers.ready_workers(folder).values()) == {f"v{live.release - 1}"})
    files.link_atomically(slot, f"../releases/v{live.release}")


def _lead_elsewhere(server: EmbeddedServer) -> None:
    """Have nginx's file name a port that is nobody's."""
    site = server.layout.site(ILL)
    site.write_text(
        re.sub(r"proxy_pass http://[^;/]+", "proxy_pass http://127.0.0.1:9", site.read_text())
    )
    server.host.reload_nginx()


def _run_although_stopped(server: EmbeddedServer) -> None:
    ship(server, "ps:stop", "-a", "ill")
    supervisor(server).start(held_process(ILL, _live(server).slot))


def _want_no_worker(server: EmbeddedServer) -> None:
    paths(server).scale.write_text('{"worker":0}\n')


def _record_older_workers(server: EmbeddedServer) -> None:
    formation = records.read_formation(paths(server))
    older = {name: replace(group, version=0) for name, group in formation.items()}
    records.write_formation(paths(server), older)


def _leave_a_lock(server: EmbeddedServer) -> None:
    lock = server.layout.repo(ILL) / "refs/heads/main.lock"
    lock.touch()
    os.utime(lock, (0, 0))


def _cut_a_push_off(server: EmbeddedServer) -> None:
    """Leave the branch at a commit that was never deployed, with the note of its push."""
    repo = server.layout.repo(ILL)
    old = str(git.resolve_commit(repo, "main"))
    who = ("-c", "user.name=x", "-c", "user.email=x")
    argv = (
        "git",
        f"--git-dir={repo}",
        *who,
        "commit-tree",
        "-p",
        old,
        "-m",
        "cut off",
        f"{old}^{{tree}}",
    )
    new = subprocess.run(argv, capture_output=True, text=True, check=True).stdout.strip()
    subprocess.run(("git", f"--git-dir={repo}", "update-ref", "refs/heads/main", new), check=True)
    (repo / Move("0" * 16, old, new).file).touch()


def _link_to_a_copy(server: EmbeddedServer) -> None:
    units = server.layout.units / "ill.conf"
    units.rename(server.folder / "copy.conf")
    units.symlink_to(server.folder / "copy.conf")


def _leave_files(server: EmbeddedServer) -> None:
    (paths(server).home / ".live.json.1").touch()
    (paths(server).venvs / "half-made").mkdir()


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
    Fault("program file linked", _link_to_a_copy, "unit.replaced"),
    Fault(
        "site made of other values",
        lambda it: _edit(it.layout.site(ILL), "# made of ", "# made of 0"),
        "nginx.site-outdated",
        note_only=True,
    ),
    Fault("site leads elsewhere", _lead_elsewhere, "web.not-routed"),
    Fault("marked down", lambda it: paths(it).down_mark.touch(), "web.marked-down"),
    Fault("web stopped", _stop_web, "web.down"),
    Fault("web stopped, for visitors", _stop_web, "web.no-answer"),
    Fault("an earlier release", _serve_older, "web.other-release"),
    Fault(
        "web runs although stopped",
        _run_although_stopped,
        "web.not-stopped",
        afterwards=lambda it: ship(it, "ps:start", "-a", "ill"),
    ),
    Fault("other slot started", _start_other, "web.second-slot"),
    Fault("run folder gone", _remove_run_folder, "web.run-folder"),
    Fault(
        "worker stopped",
        lambda it: it.server.host.background.stop(
            ILL, [next(iter(it.server.host.background.running(ILL)))]
        ),
        "process.down",
    ),
    Fault(
        "worker not asked for",
        _want_no_worker,
        "process.not-wanted",
        afterwards=lambda it: ship(it, "ps:scale", "worker=1", "-a", "ill"),
    ),
    Fault("workers of an earlier release", _record_older_workers, "process.outdated"),
    Fault("git's lock left", _leave_a_lock, "git.lock-left"),
    Fault("push cut off", _cut_a_push_off, "git.half-pushed"),
    Fault("files of a killed command", _leave_files, "change.left-over", note_only=True),
    Fault("current elsewhere", _aim_elsewhere, "release.link"),
    Fault("live.json gone", lambda it: paths(it).live.unlink(), "release.live-record"),
    Fault(
        "files gone",
        lambda it: files.remove_tree(paths(it).current.resolve() / "source"),
        "release.source",
    ),
    Fault("secrets open", lambda it: it.root.chmod(0o755), "access.owner-or-mode"),
)


class Advised(NamedTuple):
    """What no repair is sure of, so that somebody is told what to do."""

    name: str
    plant: Callable[[EmbeddedServer], object]
    finding: str
    advice: str
    """The start of it."""
    also: Callable[[EmbeddedServer, str], object] = lambda _server, _advice: None
    """What is done by hand, before the command that is advised."""
    afterwards: Callable[[EmbeddedServer], object] = lambda _: None
    """Takes away what was left, for the tests that follow."""


def _lose_files(server: EmbeddedServer) -> None:
    home = paths(server).release(_live(server).release)
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


def _move_it_away(server: EmbeddedServer, _advice: str) -> None:
    paths(server).current.rename(server.folder / "away")


def _write_a_database(server: EmbeddedServer) -> None:
    home = paths(server).release(_live(server).release).home
    for built in home.glob("built"):
        os.utime(built, (0, 0))
    with sqlite3.connect(home / "source" / "db.sqlite3") as database:
        database.execute("create table t (a)")


def _tear_the_numbers(server: EmbeddedServer) -> None:
    paths(server).scale.rename(server.folder / "backup")
    paths(server).scale.write_text("{")


def _restore_the_numbers(server: EmbeddedServer, _advice: str) -> None:
    (server.folder / "backup").replace(paths(server).scale)


def _fill_storage(server: EmbeddedServer) -> None:
    ship(server, "storage:quota", "1M", "-a", "ill")
    (paths(server).storage / "large").write_bytes(bytes(2 << 20))


def _empty_storage(server: EmbeddedServer) -> None:
    (paths(server).storage / "large").unlink()
    ship(server, "storage:quota", "none", "-a", "ill")


def _theirs(server: EmbeddedServer) -> Path:
    return server.layout.sites_enabled / "theirs.conf"


def _listen_before_ship(server: EmbeddedServer) -> None:
    listen = f"127.0.0.1:{server.port} default_server"
    _theirs(server).write_text(f"server {{ listen {listen}; server_name x; return 200 theirs; }}\n")
    server.host.reload_nginx()
    assert page(server) == (200, "theirs")


def _listen_as_advised(server: EmbeddedServer, advice: str) -> None:
    told = re.match(r"Write `(listen .+;)` there instead, then `(.+)`:", advice)
    assert told, advice
    _theirs(server).write_text(re.sub("listen .+?;", told[1], _theirs(server).read_text()))
    _reload(server, told[2])


def _reload(server: EmbeddedServer, line: str) -> None:
    """Type what has nginx read its files; returns when it has."""
    subprocess.run(line, shell=True, check=True)
    wait_until(lambda: page(server) == (200, "well"))


ADVISED = (
    Advised(
        "web runs although stopped",
        _run_although_stopped,
        "web.not-stopped",
        "Or have it started: `ship ps:start -a ill`",
    ),
    Advised(
        "another site on an address of its own",
        _listen_before_ship,
        "nginx.other-default",
        "Write `listen ",
        _listen_as_advised,
        lambda it: _theirs(it).unlink(),
    ),
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
        lambda it, _advice: paths(it).live.unlink(),
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

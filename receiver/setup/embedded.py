"""Makes and runs an embedded server: supervisord with nginx, the HTTP receiver and the apps,
under one folder.
"""

import grp
import os
import pwd
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path

import msgspec

from receiver.certificates import self_signed
from receiver.changes.recovery import recover_apps
from receiver.health import ask as health
from receiver.health.answers import Question
from receiver.hosts.supervisord.embedded_files import (
    NGINX_PROCESS,
    Owner,
    Programs,
    server_files,
)
from receiver.hosts.supervisord.embedded_places import EmbeddedPlaces
from receiver.hosts.supervisord.host import SupervisordHost, enabled_slot
from receiver.hosts.supervisord.programs import check_root
from receiver.hosts.supervisord.request_logs import LogsOfApps
from receiver.hosts.supervisord.rpc import ALIVE, Supervisor
from receiver.machine import files, proc, shell
from receiver.machine.clock import SYSTEM_CLOCK, Clock
from receiver.machine.interpreter import PYTHON
from receiver.model.errors import CheckError, ServerError, ShipError, UsageError
from receiver.model.formation import instances
from receiver.model.layout import Layout
from receiver.model.names import AppName
from receiver.model.program import CODE
from receiver.model.settings import Server
from receiver.nginx import program as nginx
from receiver.nginx import sites, snippets
from receiver.runs import records as run_records
from receiver.runs import running as runs
from receiver.server import open_server
from receiver.setup import embedded_processes
from receiver.state import certificates, check_keys, records

_LONGEST_ROOT = 50
"""The kernel takes 107 bytes for the path of a socket; an app's can be 56 longer than the
root's."""
_START_LIMIT_S = 15.0
_NOT_FOUND = 404
_UNAUTHORIZED = 401
_POLL_S = 0.05
_STARTED_AT_ONCE = 4
_SHOWN_LINES = 15


class ProgramStatus(msgspec.Struct, frozen=True):
    """A program of the server, as supervisord sees it."""

    name: str
    state: str
    pid: int


class Status(msgspec.Struct, frozen=True):
    """Whether a server runs, and what in it."""

    pid: int | None
    http_port: int
    programs: tuple[ProgramStatus, ...] = ()


class Started(msgspec.Struct, frozen=True):
    """A server that was started, and the apps that could not be."""

    pid: int
    failures: tuple[tuple[AppName, ShipError], ...] = ()


def create(root: Path, domain: str, http_port: int) -> Layout:
    """Make the tree and settings of a server; twice changes nothing but what is asked for anew.

    Raises:
        UsageError: the folder cannot hold a server
    """
    check_root(root)
    _check_length(root)
    layout = Layout.embedded(root)
    wanted = Server(domain=domain, host="supervisord", http_port=http_port)
    if layout.server_settings.exists():
        there = records.read_server(layout)
        wanted = _with(there, domain=domain, http_port=http_port)
    _make_folders(layout)
    if not layout.server_settings.exists() or records.read_server(layout) != wanted:
        records.write_toml(layout.server_settings, wanted)
    _write_files(layout, wanted)
    return layout


def start(root: Path, *, clock: Clock = SYSTEM_CLOCK) -> Started:
    """Start a server that was made; returns when nginx and the receiver answer and the apps were
    started.

    Raises:
        ServerError: a port is taken, a program is missing, or it does not come up
    """
    layout = Layout.embedded(root)
    server = records.read_server(layout)
    supervisor = _supervisor(layout)
    pid = supervisor.pid()
    if pid is not None:
        return Started(pid, _start_apps(layout, clock))
    embedded_processes.end_left_over(layout, clock)
    _make_folders(layout)
    _write_files(layout, server)
    embedded_processes.check_ports(layout, server)
    # what the server was stopped in the middle of is undone before anything of it is started
    recover_apps(open_server(root), waiting=False)
    nginx.test(layout, None)
    try:
        _run_supervisord(layout)
        _await_answers(server, clock)
    except CheckError as error:
        stop(root, clock=clock)
        raise _did_not_start(layout, error) from error
    except BaseException:  # interrupted: nothing half started is left behind
        stop(root, clock=clock)
        raise
    return Started(supervisor.pid() or 0, _start_apps(layout, clock))


def stop(root: Path, *, clock: Clock = SYSTEM_CLOCK) -> bool:
    """Stop a server and all it runs, gracefully; whether it ran.

    Raises:
        ServerError: it does not end
    """
    layout = Layout.embedded(root)
    supervisor = _supervisor(layout)
    pid = supervisor.pid()
    if pid is not None:
        _stop_programs(supervisor, clock)
        supervisor.call("shutdown")
        embedded_processes.await_end((pid,), clock)
    with suppress(ServerError):  # a server whose settings cannot be read has to end all the same
        _stop_runs(root)
    left = embedded_processes.left_over(layout)
    embedded_processes.end_left_over(layout, clock)
    return pid is not None or bool(left)


def status(root: Path) -> Status:
    """What runs of a server."""
    layout = Layout.embedded(root)
    server = records.read_server(layout)
    supervisor = _supervisor(layout)
    pid = supervisor.pid()
    if pid is None:
        return Status(None, server.http_port)
    found = (
        ProgramStatus(f"{info['group']}:{info['name']}", info["statename"], info["pid"])
        for info in supervisor.call("getAllProcessInfo")
    )
    return Status(pid, server.http_port, tuple(found))


def front(layout: Layout, server: Server) -> sites.Front:
    """The server's nginx as the planner of its files wants it."""
    found = partial(certificates.of_name, layout)
    return sites.Front(
        layout,
        server,
        LogsOfApps(layout),
        ipv6=proc.has_ipv6(),
        certificate=found,
        check_key=partial(_check_key, layout),
        snippets=lambda app: snippets.read(layout.snippets(app)),
    )


def _check_key(layout: Layout, app: AppName) -> str:
    return check_keys.made(layout.app(app))


def _with(there: Server, *, domain: str, http_port: int) -> Server:
    import msgspec  # noqa: PLC0415 - only here

    return msgspec.structs.replace(there, domain=domain, http_port=http_port, host="supervisord")


def _supervisor(layout: Layout) -> Supervisor:
    return Supervisor(EmbeddedPlaces(layout).control)


def _make_folders(layout: Layout) -> None:
    places = EmbeddedPlaces(layout)
    places.root.parent.mkdir(parents=True, exist_ok=True)
    for folder in places.folders():
        folder.mkdir(exist_ok=True)
    places.root.chmod(0o700)  # config vars and tokens of all apps lie below it


def _write_files(layout: Layout, server: Server) -> None:
    if self_signed.is_missing(layout, server):
        self_signed.make(layout, server, SYSTEM_CLOCK)
    this_user = pwd.getpwuid(os.geteuid())
    group = grp.getgrgid(os.getegid()).gr_name
    owner = Owner(this_user.pw_name, group, Path(this_user.pw_dir), is_root=os.geteuid() == 0)
    programs = Programs(PYTHON, Path(nginx.program()), CODE)
    for file in server_files(front(layout, server), owner, programs):
        if files.read_text(Path(file.path)) != file.text:
            files.write_atomically(Path(file.path), file.text, mode=file.mode)
    shared = layout.sites_enabled / sites.SHARED_FILE
    if not shared.is_symlink():
        files.link_atomically(shared, f"../{layout.sites_available.name}/{sites.SHARED_FILE}")


def _run_supervisord(layout: Layout) -> None:
    places = EmbeddedPlaces(layout)
    argv = (sys.executable, "-m", "supervisor.supervisord", "-c", str(places.supervisor_conf))
    env = {**shell.PLAIN_ENVIRONMENT, "HOME": str(places.platform_home), "PYTHONPATH": str(CODE)}
    shell.capture(argv, env=env, cwd=places.root)  # it goes into the background by itself


def _await_answers(server: Server, clock: Clock) -> None:
    address = ("127.0.0.1", server.http_port)
    unknown = Question("/", "no-such-app.invalid", (_NOT_FOUND,))
    health.ask(address, unknown, limit_s=_START_LIMIT_S, clock=clock)
    push = Question("/git/none.git/info/refs", "127.0.0.1", (_UNAUTHORIZED,))
    ends_at = clock.now() + _START_LIMIT_S
    while True:
        try:
            health.ask(address, push, limit_s=_START_LIMIT_S, clock=clock)
        except CheckError:
            # nginx answers 502 until the receiver listens
            if clock.now() > ends_at:
                raise
            clock.sleep(_POLL_S)
        else:
            return


def _stop_programs(supervisor: Supervisor, clock: Clock) -> None:
    """Stop nginx, then all else at once; supervisord by itself takes one program a second."""
    supervisor.stop(NGINX_PROCESS)
    supervisor.call("stopAllProcesses", False)
    ends_at = clock.now() + embedded_processes.STOP_LIMIT_S
    while clock.now() < ends_at and any(
        info["statename"] in ALIVE for info in supervisor.call("getAllProcessInfo")
    ):
        clock.sleep(_POLL_S)


def _stop_runs(root: Path) -> None:
    """End what people, and cron jobs, still run in the apps: no process of the server's is above
    them.
    """
    server = open_server(root)
    for app in records.app_names(server.layout):
        runs.stop(server, app, run_records.going_on(server.layout.app(app)))


def _start_apps(layout: Layout, clock: Clock) -> tuple[tuple[AppName, ShipError], ...]:
    """Start the enabled slot of every app; one that fails does not keep the others from
    starting.
    """
    host = SupervisordHost(layout, clock)

    def attempt(app: AppName) -> tuple[AppName, ShipError] | None:
        try:
            _start_app(host, layout, app)
        except ShipError as error:
            return app, error
        return None

    with ThreadPoolExecutor(_STARTED_AT_ONCE) as pool:
        return tuple(filter(None, pool.map(attempt, records.app_names(layout))))


def _start_app(host: SupervisordHost, layout: Layout, app: AppName) -> None:
    paths = layout.app(app)
    host.background.start(app, list(instances(records.read_formation(paths))))
    slot = enabled_slot(paths)
    version = paths.aim(slot) if slot else None
    if slot is None or version is None:
        return
    if records.read_release(paths, version).gunicorn:
        host.hold_socket(app)
    host.start(app, slot)


def _check_length(root: Path) -> None:
    if len(os.fsencode(root)) > _LONGEST_ROOT:
        raise UsageError(
            f"The path {root} is too long for an embedded server.",
            detail=f"It has {len(os.fsencode(root))} bytes; {_LONGEST_ROOT} leave room for the "
            "sockets in it.",
            advice="Choose a shorter one, such as ~/ship.",
            reason="usage/root-too-long",
        )


def _did_not_start(layout: Layout, error: CheckError) -> ServerError:
    logs = EmbeddedPlaces(layout).supervisor_logs
    said = "\n".join(
        line for log in (logs / "nginx.log", logs / "http.log") for line in _last_lines(log)
    )
    return ServerError(
        "The embedded server did not come up.",
        detail=f"{error.title}\n{said}".strip(),
        advice=f"Read the logs in {logs}.",
        reason="server/did-not-start",
    )


def _last_lines(path: Path) -> list[str]:
    with suppress(OSError):
        return path.read_text(encoding="utf-8", errors="replace").splitlines()[-_SHOWN_LINES:]
    return []

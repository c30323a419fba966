"""Makes and runs an embedded server: supervisord with nginx, the HTTP receiver and the apps, under one folder."""

import grp
import os
import pwd
import signal
import socket
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from receiver import files, health, nginx, records, shell, sockets
from receiver.clock import SYSTEM_CLOCK, Clock
from receiver.hosts.supervisor_rpc import Supervisor
from receiver.hosts.supervisord import SupervisordHost, enabled_slot
from receiver.model.errors import CheckError, ServerError, ShipError, UsageError
from receiver.model.layout import Layout
from receiver.model.names import AppName
from receiver.model.settings import Server
from receiver.model.webserver import Gunicorn
from receiver.planner import sites
from receiver.planner.embedded_files import EmbeddedPlaces, Owner, Programs, server_files
from receiver.planner.supervisor_programs import check_root

_LONGEST_ROOT = 50
"""The kernel takes 107 bytes for the path of a socket; an app's can be 56 longer than the root's."""
_START_LIMIT_S = 15.0
_STOP_LIMIT_S = 120.0
_POLL_S = 0.05
_SHOWN_LINES = 15


@dataclass(frozen=True, slots=True)
class ProgramStatus:
    """A program of the server, as supervisord sees it."""

    name: str
    state: str
    pid: int


@dataclass(frozen=True, slots=True)
class Status:
    """Whether a server runs, and what in it."""

    pid: int | None
    http_port: int
    programs: tuple[ProgramStatus, ...] = ()


@dataclass(frozen=True, slots=True)
class Started:
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
    """Start a server that was made; returns when nginx and the receiver answer and the apps were started.

    Raises:
        ServerError: a port is taken, a program is missing, or it does not come up
    """
    layout = Layout.embedded(root)
    server = records.read_server(layout)
    supervisor = _supervisor(layout)
    pid = supervisor.pid()
    if pid is not None:
        return Started(pid, tuple(_start_apps(layout, clock)))
    _end_left_over(layout, clock)
    _make_folders(layout)
    _write_files(layout, server)
    _check_ports(layout, server)
    nginx.test(layout, None)
    _run_supervisord(layout)
    try:
        _await_answers(server, clock)
    except CheckError as error:
        stop(root, clock=clock)
        raise _did_not_start(layout, error) from error
    return Started(supervisor.pid() or 0, tuple(_start_apps(layout, clock)))


def stop(root: Path, *, clock: Clock = SYSTEM_CLOCK) -> bool:
    """Stop a server and all it runs, gracefully; whether it ran.

    Raises:
        ServerError: it does not end
    """
    layout = Layout.embedded(root)
    supervisor = _supervisor(layout)
    pid = supervisor.pid()
    if pid is not None:
        supervisor.call("shutdown")
        _await_end((pid,), clock)
    left = tuple(_left_over(layout))
    _end_left_over(layout, clock)
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
    return sites.Front(layout, server, ipv6=sockets.has_ipv6())


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
    this_user = pwd.getpwuid(os.geteuid())
    group = grp.getgrgid(os.getegid()).gr_name
    owner = Owner(this_user.pw_name, group, Path(this_user.pw_dir), is_root=os.geteuid() == 0)
    code = Path(__file__).parent.parent
    programs = Programs(Path(sys.executable), Path(nginx.program()), code)
    for file in server_files(front(layout, server), owner, programs):
        if files.read_text(Path(file.path)) != file.text:
            files.write_atomically(Path(file.path), file.text, mode=file.mode)
    shared = layout.sites_enabled / sites.SHARED_FILE
    if not shared.is_symlink():
        files.link_atomically(shared, f"../{layout.sites_available.name}/{sites.SHARED_FILE}")


def _run_supervisord(layout: Layout) -> None:
    places = EmbeddedPlaces(layout)
    argv = (sys.executable, "-m", "supervisor.supervisord", "-c", str(places.supervisor_conf))
    env = {**shell.PLAIN_ENVIRONMENT, "HOME": str(places.platform_home)}
    shell.capture(argv, env=env, cwd=places.root)  # it goes into the background by itself


def _await_answers(server: Server, clock: Clock) -> None:
    address = ("127.0.0.1", server.http_port)
    unknown = "no-such-app.invalid"
    health.ask(address, "/", unknown, limit_s=_START_LIMIT_S, status=404, clock=clock)
    ends_at = clock.now() + _START_LIMIT_S
    while True:
        try:
            health.ask(
                address, "/git/none.git/info/refs", "127.0.0.1",
                limit_s=_START_LIMIT_S, status=401, clock=clock,
            )  # fmt: skip
        except CheckError:
            # nginx answers 502 until the receiver listens
            if clock.now() > ends_at:
                raise
            clock.sleep(_POLL_S)
        else:
            return


def _start_apps(layout: Layout, clock: Clock) -> Iterator[tuple[AppName, ShipError]]:
    """Start the enabled slot of every app; one that fails does not keep the others from starting."""
    host = SupervisordHost(layout, clock)
    for app in records.app_names(layout):
        slot = enabled_slot(layout.app(app))
        version = layout.app(app).aim(slot) if slot else None
        if slot is None or version is None:
            continue
        try:
            web = records.read_release(layout.app(app), version).processes.get("web")
            if isinstance(web, Gunicorn):
                host.hold_socket(app)
            host.start(app, slot)
        except ShipError as error:
            yield app, error


def _check_length(root: Path) -> None:
    if len(os.fsencode(root)) > _LONGEST_ROOT:
        raise UsageError(
            f"The path {root} is too long for an embedded server.",
            detail=f"It has {len(os.fsencode(root))} bytes; {_LONGEST_ROOT} leave room for the sockets in it.",
            advice="Choose a shorter one, such as ~/ship.",
            reason="usage/root-too-long",
        )


def _check_ports(layout: Layout, server: Server) -> None:
    """Refuse to start on ports of others: supervisord would end, or nginx fail again and again."""
    _check_free(server.http_port, "", "nginx")
    for app in records.app_names(layout):
        _check_free(records.read_app(layout.app(app)).port, "127.0.0.1", f"the app {app}")


def _check_free(port: int, address: str, whom: str) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except PermissionError as error:
            raise ServerError(
                f"The user who starts the server may not listen on port {port}.",
                advice="Choose a port above 1023.",
                reason="server/port-not-allowed",
            ) from error
        except OSError as error:
            raise port_in_use(port, whom) from error


def port_in_use(port: int, whom: str) -> ServerError:
    """The error for a port that another program listens on."""
    holder = sockets.port_holder(port)
    return ServerError(
        f"Port {port}, which {whom} needs, is in use.",
        detail=f"{holder} listens on it." if holder else "Another user's program listens on it.",
        advice="Stop that program, or choose another port.",
        reason="server/port-in-use",
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


def _left_over(layout: Layout) -> Iterator[int]:
    """Processes of a server whose supervisord was killed, known by the HOME it gave them."""
    homes = f"HOME={layout.run}/apps/".encode(), f"HOME={layout.run}/platform".encode()
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit() or int(folder.name) == os.getpid():
            continue
        with suppress(OSError):
            variables = (folder / "environ").read_bytes().split(b"\0")
            if any(variable.startswith(homes) for variable in variables):
                yield int(folder.name)


def _end_left_over(layout: Layout, clock: Clock) -> None:
    for sent in (signal.SIGTERM, signal.SIGKILL):
        pids = tuple(_left_over(layout))
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, sent)
        with suppress(ServerError):
            _await_end(pids, clock, limit_s=5.0)


def _await_end(pids: Iterable[int], clock: Clock, *, limit_s: float = _STOP_LIMIT_S) -> None:
    started = clock.now()
    while left := [pid for pid in pids if _runs(pid)]:
        if clock.now() - started > limit_s:
            raise ServerError(
                "The embedded server does not end.",
                detail=f"Still running after {limit_s:g} s: processes {', '.join(map(str, left))}.",
                advice="Stop it again, or end these processes.",
                reason="server/does-not-stop",
            )
        clock.sleep(_POLL_S)


def _runs(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return (
        stat.rpartition(")")[2].split()[0] != "Z"
    )  # one nobody has fetched has ended all the same

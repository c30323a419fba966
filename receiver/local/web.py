"""The web process of `ship local`: gunicorn on a socket that is held over all reloads, swapped
as on a server.
"""

import socket
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

import msgspec
from msgspec.structs import replace

from receiver.diagnosis import explain as diagnosis
from receiver.diagnosis.app_log import of_last_start
from receiver.health import answers, workers
from receiver.local import lines as local_lines
from receiver.local.build import Ready
from receiver.local.guarded import Guarded, Program
from receiver.local.laptop import CheckoutPaths
from receiver.local.page import Page
from receiver.machine import files, proc, sockets
from receiver.machine.clock import Clock
from receiver.model.errors import ServerError, ShipError
from receiver.model.program import RUNTIME
from receiver.model.settings import GRACEFUL_S
from receiver.model.webserver import Gunicorn, needs_fresh_start
from receiver.planner.swap import stops_first
from receiver.runs.jobs import launch_argv
from receiver.state import records

_STATIC = RUNTIME / "static_server.py"
_BACKLOG = 128
_LOOK_EVERY_S = 0.02
_LISTENS_S = 3.0
"""How long a server that binds its port itself may listen on other ones alone."""
_ACCESS = "--access-logfile"
_ACCESS_LINES = ("--access-logfile=-", "--access-logformat=%(m)s %(U)s%(q)s %(s)s %(M)s ms")
"""nginx writes such lines on a server."""

Start = Callable[[str, Program], Guarded]


def hold(port: int) -> socket.socket:
    """Listen on a port of this machine.

    Raises:
        ServerError: somebody else does
    """
    try:
        return sockets.bind(port, backlog=_BACKLOG)
    except OSError as error:
        raise _cannot_listen(port, error) from error


def with_access_lines(web: Gunicorn) -> Gunicorn:
    """The same, writing a line for each request, unless it says itself what it writes."""
    if any(word.startswith(_ACCESS) for word in web.arguments):
        return web
    return replace(web, arguments=(*_ACCESS_LINES, *web.arguments))


class Web(msgspec.Struct):
    """The web process of one run."""

    paths: CheckoutPaths
    port: int
    clock: Clock
    start: Start
    own: Mapping[str, str]
    """Variables of the developer's that its processes get."""
    workers: int | None = None
    """How many workers, where somebody said so."""
    running: Guarded | None = None
    _listener: socket.socket | None = None
    _page: Page | None = None
    _slot: str = "a"
    _ready: Ready | None = None

    def begin(self, ready: Ready) -> ShipError | None:
        """Start it; returns why it does not serve, if so."""
        self._free_page()
        self._listen(ready)
        failed = self._launch(ready)
        if failed is not None:
            self.fell(ready, failed)
        return failed

    def change(self, ready: Ready) -> ShipError | None:
        """Have it be of `ready`; returns why it is not, in which case what ran before goes on
        where it can.
        """
        old, before = self.running, self._ready
        if old is None or before is None or old.status is not None:
            return self.begin(ready)
        if stops_first(before.release, ready.release):
            self.end(old)
            return self.begin(ready)
        if self._takes_over(before, ready):
            return self._swap_in_place(ready, old)
        if ready.release.served == "files" and ready.release.static == before.release.static:
            self._ready = ready
            return None
        if ready.release.binds_itself or before.release.binds_itself:
            self.end(old)
            return self.begin(ready)
        return self._hand_over(ready, old)

    def fell(self, ready: Ready, why: ShipError) -> None:
        """It ended: until it serves again, visitors are told why."""
        if self._listener is not None and self._page is None:
            text = "\n\n".join(part for part in (why.title, why.detail, why.advice) if part)
            self._page = Page(self._listener, f"{ready.release.app} is not running", text)

    def explain(self, ready: Ready, ended: Guarded) -> ShipError:
        """Why a process of it ended."""
        log = workers.boot_error(self._run) or of_last_start(ended.said)
        seen = answers.ended(ready.release.check.path)
        return local_lines.for_here(diagnosis.cause(seen, log, ended.status, ready.pushed))

    def stop(self) -> None:
        """Have none, and nobody at its port."""
        old, self.running, self._ready = self.running, None, None
        if old is not None:
            self.end(old)
        self.close()

    def end(self, process: Guarded) -> None:
        """Stop a process of it, within the time that its requests may take."""
        process.stop()
        if not process.wait(GRACEFUL_S):
            process.kill()
            process.wait(GRACEFUL_S)

    def close(self) -> None:
        """Give the port back."""
        self._free_page()
        if self._listener is not None:
            self._listener.close()
            self._listener = None

    @property
    def _run(self) -> Path:
        return self.paths.run / f"web.{self._slot}"

    def _free_page(self) -> None:
        if self._page is not None:
            self._page.close()
            self._page = None

    def _listen(self, ready: Ready) -> None:
        if ready.release.binds_itself:
            self.close()
            hold(self.port).close()
        elif self._listener is None:
            self._listener = hold(self.port)

    def _launch(self, ready: Ready) -> ShipError | None:
        self._slot = "b" if self._slot == "a" else "a"
        self.running = self.start("web", self._program(ready))
        self._ready = ready
        return self._await_start(ready, self.running)

    def _program(self, ready: Ready) -> Program:
        keeps = (self._listener.fileno(),) if self._listener is not None else ()
        top = self.paths.running.source.resolve()
        if ready.release.served == "files":
            pairs = [f"{prefix}={top / folder}" for prefix, folder in ready.release.static.items()]
            argv = (sys.executable, "-I", "-S", str(_STATIC), *map(str, keeps), *pairs)
            return Program(argv=argv, env=self.own, cwd=top, keeps=keeps)
        self._run.mkdir(exist_ok=True)
        workers.begin_swap(self._run)
        options = [
            "--run",
            str(self._run),
            "--port",
            str(self.port),
            "--app-dir",
            str(self.paths.home),
        ]
        options += ["--fd", str(keeps[0])] if keeps else []
        options += ["--workers", str(self.workers)] if self.workers else []
        return Program(
            argv=launch_argv(self.paths.running.home, "web", *options),
            env=self.own,
            cwd=self._run,
            to_group=ready.release.binds_itself,
            keeps=keeps,
        )

    def _await_start(self, ready: Ready, process: Guarded) -> ShipError | None:
        """Until it serves; returns why it does not, if so."""
        limit_s = ready.release.boot_limit_s
        began = self.clock.now()
        while process.status is None and self.clock.now() < began + limit_s:
            if self._serves(ready):
                return None
            elsewhere = self.clock.now() > began + _LISTENS_S and self._other_ports(ready, process)
            if elsewhere:
                return local_lines.for_here(
                    answers.wrong_port(self.port, elsewhere, ready.release.lines.get("web", ""))
                )
            self.clock.sleep(_LOOK_EVERY_S)
        if process.status is not None:
            return self.explain(ready, process)
        return local_lines.for_here(answers.never_started(limit_s))

    def _serves(self, ready: Ready) -> bool:
        if ready.release.gunicorn:
            return ready.release.label in workers.ready_workers(self._run).values()
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            return False
        return True

    def _other_ports(self, ready: Ready, process: Guarded) -> tuple[int, ...]:
        """Where a server listens that should listen on $PORT; nothing where that cannot be seen."""
        if not ready.release.binds_itself:
            return ()
        pids = [pid for child in proc.children(process.pid) for pid in proc.session(child)]
        return sockets.listening_ports(pids)

    def _takes_over(self, before: Ready, ready: Ready) -> bool:
        old, new = before.release.processes.get("web"), ready.release.processes.get("web")
        if old is None or new is None or before.release.venv != ready.release.venv:
            return False
        fresh = needs_fresh_start(dict(before.config), dict(ready.config))
        return not fresh and new.takes_over(old)

    def _swap_in_place(self, ready: Ready, process: Guarded) -> ShipError | None:
        """HUP: new workers start beside the old ones, which go when all of the new ones serve."""
        workers.begin_swap(self._run)
        process.signal("SIGHUP")
        ends_at = self.clock.now() + ready.release.boot_limit_s + 5
        while process.status is None and self.clock.now() < ends_at:
            swapped = workers.swapped_to(self._run)
            if swapped == ready.release.label:
                self._ready = ready
                return None
            if swapped is not None:
                break
            self.clock.sleep(_LOOK_EVERY_S)
        log = workers.boot_error(self._run) or ""
        seen = answers.ended(ready.release.check.path)
        return local_lines.for_here(diagnosis.cause(seen, log, None, ready.pushed))

    def _hand_over(self, ready: Ready, old: Guarded) -> ShipError | None:
        """Start the new one on the same socket, and stop the old one when the new one serves."""
        slot, before = self._slot, self._ready
        failed = self._launch(ready)
        if failed is None:
            self.end(old)
            return None
        if self.running is not None:
            self.running.kill()
            self.running.wait(GRACEFUL_S)
        self._slot, self._ready, self.running = slot, before, old
        return failed


def write(paths: CheckoutPaths, ready: Ready) -> None:
    """Say on disk what runs from now on: processes read it when they start, gunicorn at a HUP
    too.
    """
    release = ready.release
    if web := release.gunicorn:
        release = replace(release, processes={**release.processes, "web": with_access_lines(web)})
    records.write_config(paths.running.env, ready.config, mode=0o600)
    records.write_json(paths.running.record, release)


def forget_bytecode(sources: list[Path]) -> None:
    """Remove what Python compiled of these: two saves within a second look alike to it."""
    for source in sources:
        for compiled in (source.parent / "__pycache__").glob(f"{source.stem}.*.pyc"):
            with suppress(OSError):
                files.remove(compiled)


def _cannot_listen(port: int, error: OSError) -> ServerError:
    holder = sockets.port_holder(port)
    other = port + 1 if port < 65_535 else port - 1  # noqa: PLR2004 - the last port
    return ServerError(
        f"Port {port} cannot be listened on: {(error.strerror or str(error)).lower()}.",
        detail=f"{holder} listens on it." if holder else "",
        advice=f"Choose another one, such as `ship local -p {other}`, or stop what has it.",
        reason="server/port-in-use",
    )

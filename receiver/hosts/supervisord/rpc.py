"""Doorway to supervisord: its XML-RPC interface on a unix socket.

supervisord wakes up for a call, not when a process of its ends; so waiting is done here, by asking
again. supervisor's own client for this takes 100 ms more to import, and that on the way of every
push; why not Python's own, `xml_rpc` says.
"""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from receiver.hosts.supervisord import xml_rpc
from receiver.hosts.supervisord.embedded_places import EmbeddedPlaces
from receiver.machine.clock import SYSTEM_CLOCK, Clock
from receiver.machine.unix_sockets import connected
from receiver.model.errors import ServerError
from receiver.model.layout import Layout

_CALL_LIMIT_S = 30
_CHUNK_BYTES = 65_536
_POLL_S = 0.02
_RESTART_LIMIT_S = 5.0
"""supervisord starts again within a second what ended by itself."""
NO_SUCH_PROCESS = 10
_NOT_RUNNING = 70
_ALREADY_STARTED = 60
ALIVE = frozenset({"STARTING", "RUNNING", "STOPPING"})
COMING_BACK = ALIVE | {"BACKOFF", "EXITED"}


class ProcessState(msgspec.Struct, frozen=True):
    """What supervisord says of a process."""

    name: str
    pid: int

    @property
    def alive(self) -> bool:
        return self.name in ALIVE

    @property
    def comes_back(self) -> bool:
        """Whether it runs, or has ended by itself and is about to be started again."""
        return self.name in COMING_BACK


GONE = ProcessState("STOPPED", 0)


def control_socket(layout: Layout) -> Path:
    """Where the supervisord of an embedded server listens for commands."""
    return EmbeddedPlaces(layout).control


class RefusedError(ServerError):
    """supervisord answered, and would or could not do it; `code` is its own number for why."""

    default_reason = "server/supervisor-refused"

    def __init__(self, method: str, code: int, seen: str) -> None:
        super().__init__(
            "supervisord refused a command of ship's.",
            detail=f"It answered {seen} to {method}.",
            advice="Read supervisor/logs/supervisord.log of the server; a port that another program"
            " holds is named there.",
        )
        self.code = code


class Supervisor:
    """One supervisord, found by its socket."""

    def __init__(self, path: Path, clock: Clock = SYSTEM_CLOCK) -> None:
        self._path = path
        self._clock = clock

    def call(self, method: str, *arguments: Any) -> Any:
        """Call `supervisor.METHOD`.

        Raises:
            ServerError: supervisord does not run
            RefusedError: it answered that it would not, or could not
        """
        body = xml_rpc.call_text(f"supervisor.{method}", arguments)
        try:
            status, said = self._send(body)
            return _value(method, status, said)
        except xml_rpc.FaultError as fault:
            raise RefusedError(method, fault.code, fault.text) from fault
        except (OSError, ValueError) as error:
            raise not_running(str(error)) from error

    def _send(self, body: bytes) -> tuple[bytes, bytes]:
        """Send a call; returns the first line of the answer, and what it holds."""
        head = f"POST /RPC2 HTTP/1.0\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
        try:
            answer = self._answer(head.encode() + body)
        except (ConnectionResetError, ConnectionAbortedError, BrokenPipeError):
            answer = b""
        # one that is just starting or ending may drop a connection that it had accepted
        return _parts(answer or self._answer(head.encode() + body))

    def _answer(self, call: bytes) -> bytes:
        with connected(self._path, _CALL_LIMIT_S) as connection:
            connection.sendall(call)
            return b"".join(iter(lambda: connection.recv(_CHUNK_BYTES), b""))

    def pid(self) -> int | None:
        """Its process id; None when it does not run."""
        try:
            return int(self.call("getPID"))
        except ServerError:
            return None

    def state(self, process: str) -> ProcessState:
        """State of `GROUP:PROCESS`; one that supervisord does not know does not run."""
        try:
            found = self.call("getProcessInfo", process)
        except RefusedError as refused:
            if refused.code == NO_SUCH_PROCESS:
                return GONE
            raise
        state = ProcessState(found["statename"], found["pid"])
        return state if state.alive else ProcessState(state.name, 0)

    def exit_status(self, process: str) -> int:
        """What a process that has ended has ended with; -1 where a signal ended it."""
        return int(self.call("getProcessInfo", process)["exitstatus"])

    def start(self, process: str) -> None:
        """Start a process, once it has ended if it is just being stopped; nothing happens when it
        runs.
        """
        while self.state(process).name == "STOPPING":  # supervisord would do nothing, and say so
            self._clock.sleep(_POLL_S)
        _but_for(_ALREADY_STARTED, lambda: self.call("startProcess", process, False))

    def stop(self, process: str) -> None:
        """Stop a process, as its program says; returns when it is gone."""
        if self.state(process) == GONE:
            return
        _but_for(_NOT_RUNNING, lambda: self.call("stopProcess", process, False))
        while self.state(process).alive:
            self._clock.sleep(_POLL_S)

    def stop_for_good(self, process: str) -> None:
        """Stop a process, also one that has just ended and is about to be started again."""
        ends_at = self._clock.now() + _RESTART_LIMIT_S
        self.stop(process)
        while self.state(process).name == "EXITED" and self._clock.now() < ends_at:
            self._clock.sleep(_POLL_S)
            self.stop(process)

    def signal(self, process: str, name: str) -> None:
        """Send a signal to a process; nothing happens when it does not run."""
        _but_for(_NOT_RUNNING, lambda: self.call("signalProcess", process, name))

    def update(self) -> None:
        """Read the program files again; only groups whose text changed are touched.

        What ran in a changed group is started again, since supervisord can change it only while
        stopped.
        """
        (added, changed, removed) = self.call("reloadConfig")[0]
        running = [name for group in changed for name in self._running(group)]
        for group in (*changed, *removed):
            for name in self._running(group):
                self.stop(name)
            self.call("removeProcessGroup", group)
        for group in (*added, *changed):
            # one whose port another program holds must not keep the others back; it is refused at
            # its start
            with suppress(RefusedError):
                self.call("addProcessGroup", group)
        for name in running:
            with suppress(RefusedError):
                self.start(name)

    def _running(self, group: str) -> list[str]:
        return [
            f"{group}:{found['name']}"
            for found in self.call("getAllProcessInfo")
            if found["group"] == group and found["statename"] in ALIVE | {"BACKOFF"}
        ]


def not_running(seen: str) -> ServerError:
    """The error for anything that needs the embedded server while it is down."""
    return ServerError(
        "The embedded server does not run.",
        detail=f"Its supervisord could not be reached: {seen}",
        advice="Start it with `ship server:start`.",
        reason="server/not-running",
    )


def _but_for(code: int, action: Callable[[], object]) -> None:
    """Do it, and take the fault `code` for done: what was asked for is so already."""
    try:
        action()
    except RefusedError as refused:
        if refused.code != code:
            raise


def _parts(answer: bytes) -> tuple[bytes, bytes]:
    """First line and body of an answer; ValueError where it is none, or not whole."""
    head, _, body = answer.partition(b"\r\n\r\n")
    first, *fields = head.split(b"\r\n")
    if not first.startswith(b"HTTP/"):
        raise ValueError("It closed the connection without an answer.")
    for field in fields:
        name, _, value = field.partition(b":")
        if name.strip().lower() == b"content-length" and int(value) > len(body):
            raise ValueError("It closed the connection in the middle of an answer.")
    return first, body


def _value(method: str, first: bytes, body: bytes) -> Any:
    _, status, *words = first.decode("latin-1").split(" ", 2)
    if status != "200":
        raise RefusedError(method, int(status), " ".join(words))
    return xml_rpc.answer_of(body)

"""The processes of an embedded server from outside: who holds its ports, who was left behind,
who has ended.
"""

import os
import signal
from collections.abc import Iterable, Iterator
from contextlib import suppress

from receiver.machine import lifetimes, proc, sockets
from receiver.machine.clock import Clock
from receiver.model.errors import ServerError
from receiver.model.layout import Layout
from receiver.model.settings import Server
from receiver.nginx import program as nginx
from receiver.state import records

STOP_LIMIT_S = 120.0
"""How long a whole server may take to end."""
_POLL_S = 0.05


def check_ports(layout: Layout, server: Server) -> None:
    """Refuse to start on ports of others: supervisord would end, or nginx fail again and again."""
    _check_free(server.http_port, "", "nginx")
    for app in records.app_names(layout):
        _check_free(records.read_app(layout.app(app)).port, "127.0.0.1", f"the app {app}")


def _check_free(port: int, address: str, whom: str) -> None:
    try:
        sockets.bind(port, address).close()
    except PermissionError as error:
        raise ServerError(
            f"The user who starts the server may not listen on port {port}.",
            advice="Choose a port above 1023.",
            reason="server/port-not-allowed",
        ) from error
    except OSError as error:
        raise sockets.port_in_use(port, whom) from error


def left_over(layout: Layout) -> tuple[int, ...]:
    """Processes of a server whose supervisord was killed."""
    return tuple(_left_over(layout))


def _left_over(layout: Layout) -> Iterator[int]:
    """Known by the HOME that supervisord gave them."""
    # nginx writes its title where its environment was; its workers end with their master
    pid = nginx.master_pid(layout)
    if pid is not None and os.fsencode(nginx.main_file(layout)) in proc.command_line(pid):
        yield pid
    homes = f"HOME={layout.run}/apps/".encode(), f"HOME={layout.run}/platform".encode()
    for pid in proc.pids():
        variables = proc.environment(pid)
        if pid != os.getpid() and any(variable.startswith(homes) for variable in variables):
            yield pid


def end_left_over(layout: Layout, clock: Clock) -> None:
    for sent in (signal.SIGTERM, signal.SIGKILL):
        pids = left_over(layout)
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, sent)
        with suppress(ServerError):
            await_end(pids, clock, limit_s=5.0)


def await_end(pids: Iterable[int], clock: Clock, *, limit_s: float = STOP_LIMIT_S) -> None:
    started = clock.now()
    while left := [pid for pid in pids if lifetimes.runs(pid)]:
        if clock.now() - started > limit_s:
            raise ServerError(
                "The embedded server does not end.",
                detail=f"Still running after {limit_s:g} s: processes {', '.join(map(str, left))}.",
                advice="Stop it again, or end these processes.",
                reason="server/does-not-stop",
            )
        clock.sleep(_POLL_S)

"""An embedded server as a whole: does its supervisord run, and the programs that are no app's."""

from collections.abc import Iterator

from receiver.doctor.finding import Finding, StartProgram
from receiver.doctor.seen import Seen
from receiver.hosts.supervisord.embedded_files import RECEIVER_PROCESS
from receiver.hosts.supervisord.rpc import Supervisor, control_socket


def is_up(seen: Seen) -> bool:
    """Whether its supervisord answers."""
    return _supervisor(seen).pid() is not None


def look(seen: Seen) -> Iterator[Finding]:
    """What of it does not run."""
    if not is_up(seen):
        yield Finding(
            name="server.down",
            severity="broken",
            title="The embedded server does not run.",
            seen=(f"Nobody answers on {control_socket(seen.server.layout)}.",),
            means="No app of it runs.",
            advice="Start it: `ship server:start`.",
        )
        return
    state = _supervisor(seen).state(RECEIVER_PROCESS)
    if not state.alive:
        yield Finding(
            name="server.program-down",
            severity="broken",
            title="The program that takes pushes does not run.",
            seen=(f"supervisord says of {RECEIVER_PROCESS.partition(':')[0]}: {state.name}.",),
            means="Pushes fail.",
            does="start it",
            repair=(StartProgram(RECEIVER_PROCESS),),
        )


def _supervisor(seen: Seen) -> Supervisor:
    return Supervisor(control_socket(seen.server.layout))

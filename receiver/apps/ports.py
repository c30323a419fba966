"""Ports that no app has."""

from receiver.machine import sockets
from receiver.model.errors import ServerError
from receiver.model.layout import Layout
from receiver.state import records


def free_ports(layout: Layout, first: int, last: int, count: int) -> list[int]:
    """Loopback ports that no app has and nobody listens on, lowest first.

    Raises:
        ServerError: the range is used up
    """
    taken: set[int] = set()
    for name in records.app_names(layout):
        settings = records.read_app(layout.app(name))
        taken |= {settings.port, settings.port_a, settings.port_b}
    found: list[int] = []
    for port in range(first, last + 1):
        if port not in taken and _is_free(port):
            found.append(port)
        if len(found) == count:
            return found
    raise ServerError(
        f"No port is free between {first} and {last}.",
        detail=f"An app takes three; {len(taken)} are taken by apps.",
        advice="Widen first_port and last_port in the server's ship.toml, or destroy an app that "
        "is not needed.",
        reason="server/no-free-port",
    )


def _is_free(port: int) -> bool:
    try:
        sockets.bind(port).close()
    except OSError:
        return False
    return True

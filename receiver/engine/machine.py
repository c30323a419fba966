"""Today's engine: the host of this machine keeps slots of processes, and its nginx leads there.

Whoever only reads a log or runs a command imports nothing of slots and nginx.
"""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from receiver.engine import Web
    from receiver.engine.steps import MachineSteps
    from receiver.hosts import Background
    from receiver.hosts.jobs import Jobs
    from receiver.machine.log_files import Log
    from receiver.model.layout import SlotLetter
    from receiver.model.names import AppName
    from receiver.server import Server


class Machine:
    """The engine of one server."""

    def __init__(self, server: "Server") -> None:
        self._server = server

    @property
    def web(self) -> "Web":
        """Two slots of an app, of which one serves."""
        from receiver.engine import slots  # noqa: PLC0415 - see above

        return slots

    @property
    def background(self) -> "Background":
        """Units or programs of the host's."""
        return self._server.host.background

    def early_ends(self, app: "AppName") -> Iterator[str]:
        """What the host knows of them, and what their launchers have noted."""
        from receiver.engine import background  # noqa: PLC0415 - see above

        return background.early_ends(self._server, app)

    def steps(self, say: Callable[[str], object], warn: Callable[[str], object]) -> "MachineSteps":
        """What changes slots, units and nginx's files."""
        from receiver.engine.steps import MachineSteps  # noqa: PLC0415 - see above

        return MachineSteps(self._server, say, warn)

    def log(self, app: "AppName", slot: "SlotLetter | None" = None) -> "Log":
        """The host's."""
        return self._server.host.app_log(app, slot)

    @property
    def jobs(self) -> "Jobs":
        """The host's."""
        return self._server.host.jobs

"""Programs of ship's own that a machine starts: after a boot, by time, for a push over HTTP."""

from pathlib import Path
from typing import Literal, NamedTuple, Protocol

from receiver.model.plan import WriteFile

Name = Literal["recovery", "apps", "log rotation", "receiver", "certificates"]


class Receiver(NamedTuple):
    """Where nginx passes pushes over HTTP on to, and writes of them."""

    socket: Path
    log: Path


class Services(Protocol):
    """What a machine does for them."""

    @property
    def receiver(self) -> Receiver | None:
        """The receiver that is started for each push; None where one is there at all times."""

    def files(self, name: Name) -> tuple[WriteFile, ...]:
        """The files that describe a program; none where the machine needs no such program."""

    def start(self, name: Name) -> None:
        """Have a program started from now on, whose files were just written."""

    def call(self, name: Name) -> None:
        """Have a program that runs by time run now; waits for nothing."""

    def remove(self) -> None:
        """Stop all of them, and remove their files."""

"""Programs of ship's own on an embedded server: `ship server:start` starts all that there are."""

from receiver.hosts.services import Name
from receiver.model.plan import WriteFile


class NoServices:
    """It recovers when it starts, and its receiver, which rotates logs, is there at all times."""

    receiver = None

    def files(self, name: Name) -> tuple[WriteFile, ...]:
        """None."""
        del name
        return ()

    def start(self, name: Name) -> None:
        """Nothing: there are none."""

    def call(self, name: Name) -> None:
        """Nothing: there are none."""

    def remove(self) -> None:
        """Nothing: there are none."""

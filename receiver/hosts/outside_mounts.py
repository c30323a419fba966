"""Where the storage of an app can appear outside of the release's tree."""

from typing import Protocol

from receiver.model.mounts import Mounts, Wish
from receiver.model.names import AppName


class OutsideMounts(Protocol):
    """What a machine does to have an app see its storage at an absolute path."""

    def require(self, wish: Wish) -> None:
        """Make sure that the storage can appear there.

        Raises:
            UsageError: it cannot
        """

    def write(self, app: AppName, mounts: Mounts) -> None:
        """Make what the app's processes will find at its mounts, before they start."""

"""What a machine does to keep its apps apart on the network."""

from typing import Protocol

from receiver.model.names import AppName


class Network(Protocol):
    """Who of the apps may connect to whom."""

    def keep_apart(self, *, leaving: AppName | None = None) -> bool:
        """Have what the settings of all apps say hold from now on, and after a boot.

        Returns whether anything had to be changed.

        Args:
            leaving: an app that is being removed
        """

    def trouble(self) -> str | None:
        """Why they are not kept apart, as a sentence; None where they are, or need not be."""

    def remove(self) -> None:
        """Take away what was said of them."""

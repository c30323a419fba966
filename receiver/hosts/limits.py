"""How a machine keeps what runs of an app to what it may use."""

from collections.abc import Mapping
from typing import Protocol

from receiver.model.names import AppName
from receiver.model.plan import WriteFile
from receiver.model.process_limits import Limit, Whole
from receiver.model.settings import Server


class Limits(Protocol):
    """What a machine does for the limits of process types."""

    def require(self) -> None:
        """Make sure that limits can hold here.

        Raises:
            UsageError: nothing here could keep processes to one
        """

    def files(self, app: AppName, limits: Mapping[str, Limit]) -> tuple[WriteFile, ...]:
        """Files by which what starts later is kept to these limits."""

    def wholes(
        self, settings: Server, apps: Mapping[AppName, Mapping[str, Limit]]
    ) -> tuple[Whole, ...]:
        """What all apps may use together, then what each of these may; none without limits."""

    def apply(self, app: AppName, limits: Mapping[str, Limit]) -> None:
        """Keep what runs of these process types to their limits from now on."""

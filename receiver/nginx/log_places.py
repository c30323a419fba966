"""Where nginx writes of the requests of apps, as far as its files and their rotation need it."""

from collections.abc import Iterable
from pathlib import Path
from typing import Literal, Protocol

from receiver.model.names import AppName

Kind = Literal["access", "error"]


class LogPlaces(Protocol):
    """The logs of one server."""

    def of(self, app: AppName, kind: Kind) -> Path:
        """A log of an app."""

    def files(self) -> Iterable[Path]:
        """All that there is of them, and of nginx's own that ship has it write."""

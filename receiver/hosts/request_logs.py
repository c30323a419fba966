"""The files that nginx writes of the requests of apps: where a machine has them, and whose."""

from pathlib import Path
from typing import Protocol

from receiver.model.names import AppName
from receiver.nginx.log_places import LogPlaces


class RequestLogs(LogPlaces, Protocol):
    """What a machine does for them."""

    @property
    def folder(self) -> Path | None:
        """The folder of all of them; None where those of an app lie in the app's own."""

    def make_folder(self) -> None:
        """Make it, where there is one."""

    def remove(self, app: AppName) -> None:
        """Remove those that do not go with the app's folder."""

    def rename(self, was: AppName, name: AppName) -> None:
        """Have those that do not go with the app's folder bear its new name."""

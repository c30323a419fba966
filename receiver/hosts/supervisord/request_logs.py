"""nginx's logs of apps on an embedded server: each in the folder of its app."""

from collections.abc import Iterator
from pathlib import Path

from receiver.model.layout import Layout
from receiver.model.names import AppName
from receiver.nginx.log_places import Kind
from receiver.state import records


class LogsOfApps:
    """The logs of all apps of an embedded server; they go where its folder goes."""

    folder = None

    def __init__(self, layout: Layout) -> None:
        self._layout = layout

    def of(self, app: AppName, kind: Kind) -> Path:
        """A log of an app."""
        return self._layout.app(app).logs / f"nginx.{kind}.log"

    def files(self) -> Iterator[Path]:
        """Those of nginx as a whole, and those of the apps."""
        yield from self._layout.sites_available.parent.joinpath("logs").glob("*.log*")
        for app in records.app_names(self._layout):
            yield from self._layout.app(app).logs.glob("nginx.*.log*")

    def make_folder(self) -> None:
        """Nothing: each app has one."""

    def remove(self, app: AppName) -> None:
        """Nothing: they go with the app's folder."""

    def rename(self, was: AppName, name: AppName) -> None:
        """Nothing: they go with the app's folder."""

"""An app at a moment: what its records say, read once.

Plans are made of it. Read under the app's lock, it holds until the change that it was read for.
"""

from contextlib import suppress

import msgspec
from msgspec.structs import replace

from receiver.hosts.accounts import ids
from receiver.model.cron import Cron, Timer
from receiver.model.errors import NotFoundError, ServerError, ShipError
from receiver.model.formation import WEB, Formation
from receiver.model.layout import AppPaths, SlotLetter
from receiver.model.names import AppName
from receiver.model.output import mask, secrets_of
from receiver.model.release import Live, Release
from receiver.model.settings import App
from receiver.model.webserver import Command
from receiver.planner.formation import background_types
from receiver.server import Server
from receiver.state import records


class AppState(msgspec.Struct, frozen=True, kw_only=True):
    """An app as its records have it."""

    server: Server
    paths: AppPaths
    settings: App
    live: Live | None
    """What serves, and in which slot; None before the first release."""
    release: Release | None
    """The live one."""
    scale: dict[str, int]
    """How many processes are wanted, by type, where somebody has said so."""
    formation: Formation
    """The processes besides web that were set to run."""
    timers: dict[str, Timer]
    """Which cron jobs are started when."""

    @property
    def name(self) -> AppName:
        return self.paths.name

    @property
    def gid(self) -> int:
        """The group of the app's account, for what it reads; -1 where all is the starter's."""
        return ids(self.server.host.accounts.owner(self.name))[1]

    @property
    def address(self) -> str:
        """The app's host name."""
        return self.server.address(self.name)

    @property
    def hosts(self) -> tuple[str, ...]:
        """All host names of the app, its own first."""
        return self.server.hosts(self.name, self.settings)

    @property
    def slot(self) -> SlotLetter:
        """The slot of what is live, or would be."""
        return self.live.slot if self.live else "a"

    @property
    def has_web(self) -> bool:
        """Whether the live release has a web process."""
        return self.release is not None and self.release.served == "process"

    @property
    def jobs(self) -> dict[str, Cron]:
        """The cron jobs of the live release."""
        return self.release.cron if self.release else {}

    @property
    def serves(self) -> tuple[Live, Release] | None:
        """What has a web process that should run."""
        if self.live is None or self.release is None or self.settings.stopped:
            return None
        return (self.live, self.release) if self.has_web else None

    @property
    def types(self) -> list[str]:
        """The process types of the live release that run."""
        return [*([WEB] if self.has_web else []), *background_types(self.release)]

    def masked(self, text: str) -> str:
        """What the app wrote, without the values of the config vars that the live release has."""
        if self.release is None:
            return text
        values = records.readable_config(self.paths.release(self.release.version).env) or {}
        return mask(text, secrets_of(values, self.address))

    def with_settings(self, settings: App) -> "AppState":
        """The app as it would be with other settings, for plans that lead there."""
        return replace(self, settings=settings)


def read_state(server: Server, paths: AppPaths, *, lost_too: bool = False) -> AppState:
    """The app as it is.

    Args:
        server: the server
        paths: the app's folder
        lost_too: whether a live release whose record is gone is no error: for what has another
            one take its place

    Raises:
        ServerError: a record of it is torn
        NotFoundError: the record of its live release is gone
    """
    live, release = _live(paths, lost_too=lost_too)
    return AppState(
        server=server,
        paths=paths,
        settings=records.read_app(paths),
        live=live,
        release=release,
        scale=records.read_scale(paths),
        formation=records.read_formation(paths),
        timers=records.read_timers(paths),
    )


def _live(paths: AppPaths, *, lost_too: bool) -> tuple[Live | None, Release | None]:
    try:
        return records.read_live_release(paths)
    except (NotFoundError, ServerError):
        live = records.read_live(paths) if lost_too else None
        if live is None:
            raise
        return live, _lost(paths.name, live.release)


def _lost(app: AppName, version: int) -> Release:
    """In place of a release without a record: what is known of it is that something may run."""
    return Release(
        version=version,
        app=app,
        commit="",
        description="Its record is gone",
        by="",
        created_at="",
        buildpack="",
        python=None,
        venv=None,
        processes={WEB: Command(command="")},
    )


def state_of(server: Server, name: AppName) -> AppState:
    """The app of this name as it is; NotFoundError where there is none."""
    return read_state(server, server.app(name))


def new_app(server: Server, paths: AppPaths, settings: App) -> AppState:
    """An app that is about to be made."""
    return AppState(
        server=server,
        paths=paths,
        settings=settings,
        live=None,
        release=None,
        scale={},
        formation={},
        timers={},
    )


def what_remains(server: Server, paths: AppPaths) -> AppState:
    """An app that is about to go: what is not needed for that, and cannot be read, is missing."""
    with suppress(ShipError, OSError, ValueError, msgspec.MsgspecError):
        return read_state(server, paths)
    bare = new_app(server, paths, records.read_app(paths))
    return replace(bare, timers=records.read_timers(paths))

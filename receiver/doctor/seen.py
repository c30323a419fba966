"""What doctor's modules share: the server, its apps as their records have them, and who is asked
of the machine.
"""

import os
from collections.abc import Iterable
from contextlib import suppress

import msgspec

from receiver.changes.app_state import AppState
from receiver.hosts.accounts import Owner
from receiver.hosts.examiner import Examiner
from receiver.model.errors import ServerError, ShipError
from receiver.model.finding import Finding
from receiver.model.names import AppName
from receiver.model.release import Live, Release
from receiver.server import Server
from receiver.state import records


class AppSeen(AppState, frozen=True, kw_only=True):
    """An app as its records say it should be; without a release where its record is gone."""

    owner: Owner | None
    """None where there are no accounts, and where the app's is missing."""

    @property
    def is_known(self) -> bool:
        """Whether it is known what should serve; that may be nothing yet."""
        links = (self.paths.live, self.paths.current)
        return self.release is not None or not any(map(os.path.lexists, links))


class Seen(msgspec.Struct, frozen=True):
    """The machine, looked at once for all modules."""

    server: Server
    apps: tuple[AppSeen, ...]
    examiner: Examiner
    """What the machine itself says of them."""


def look_at_apps(server: Server, names: Iterable[AppName]) -> tuple[list[AppSeen], list[Finding]]:
    """The apps of these names; and what is wrong with the records of those that cannot be looked
    at.
    """
    found: list[AppSeen] = []
    troubles: list[Finding] = []
    for name in names:
        try:
            found.append(_app(server, name))
        except ShipError as error:
            troubles.append(_unreadable(server, name, error))
        except (OSError, ValueError, msgspec.MsgspecError) as error:
            told = ServerError(f"A record of {name} cannot be read.", detail=str(error))
            troubles.append(_unreadable(server, name, told))
    return found, troubles


def _app(server: Server, name: AppName) -> AppSeen:
    paths = server.layout.app(name)
    owner: Owner | None = None
    with suppress(ShipError):  # the module of accounts tells it
        owner = server.host.accounts.owner(name)
    live: Live | None = None
    release: Release | None = None
    with suppress(ShipError, OSError, ValueError, msgspec.MsgspecError):
        # the module of releases tells what is wrong with these
        live = records.read_live(paths)
        release = records.read_release(paths, live.release) if live else None
    return AppSeen(
        server=server,
        paths=paths,
        settings=records.read_app(paths),
        live=live,
        release=release,
        scale=records.read_scale(paths),
        formation=records.read_formation(paths),
        timers=records.read_timers(paths),
        owner=owner,
    )


def _unreadable(server: Server, name: AppName, error: ShipError) -> Finding:
    own = "" if error.reason == "server/bad-record" else error.advice  # that one leads here
    advice = own or f"Restore the file from a backup of {server.layout.state}."
    return Finding(
        name="record.unreadable",
        app=name,
        severity="broken",
        title=error.title,
        seen=tuple(error.detail.splitlines()),
        means="What runs goes on; no push, command or boot can change this app.",
        advice=f"{advice} Then `ship doctor --fix -a {name}`.",
    )

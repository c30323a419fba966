"""What doctor's modules share: the server, its apps as their records have them, and systemd's
view of their units.
"""

import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec

from receiver.changes.app_state import AppState
from receiver.doctor.finding import Finding
from receiver.doctor.unit_states import PROPERTIES, UnitState, unit_states
from receiver.hosts.accounts import Owner
from receiver.hosts.systemd.background_units import process_unit
from receiver.hosts.systemd.timer_units import timer_unit
from receiver.hosts.systemd.units import LOG_TIMER, RECOVERY_UNIT, SlotKind, slot_units, socket_unit
from receiver.machine import shell
from receiver.model.errors import ShipError
from receiver.model.formation import instances
from receiver.model.layout import SLOTS, AppPaths
from receiver.model.names import AppName
from receiver.model.release import Live, Release
from receiver.model.webserver import Gunicorn
from receiver.server import Server
from receiver.state import records

SSH_UNITS = ("ssh.service", "ssh.socket")
NGINX_UNIT = "nginx.service"


@dataclass(frozen=True, slots=True, kw_only=True)
class AppSeen(AppState):
    """An app as its records say it should be; without a release where its record is gone."""

    owner: Owner | None
    """None where there are no accounts, and where the app's is missing."""

    @property
    def is_known(self) -> bool:
        """Whether it is known what should serve; that may be nothing yet."""
        links = (self.paths.live, self.paths.current)
        return self.release is not None or not any(map(os.path.lexists, links))


@dataclass(frozen=True, slots=True)
class Seen:
    """The machine, looked at once for all modules."""

    server: Server
    apps: tuple[AppSeen, ...]
    units: dict[str, UnitState]
    """Empty where there is no systemd."""

    @property
    def has_systemd(self) -> bool:
        return self.server.settings.host == "systemd"


def kind_of(release: Release) -> SlotKind:
    """Which of the two templates the release's web process is an instance of."""
    return "web" if isinstance(release.processes["web"], Gunicorn) else "port"


def look_at_apps(server: Server, names: Iterable[AppName]) -> tuple[list[AppSeen], list[Finding]]:
    """The apps of these names; and what is wrong with the records of those that cannot be looked
    at.
    """
    found: list[AppSeen] = []
    troubles: list[Finding] = []
    for name in names:
        try:
            found.append(_app(server, server.layout.app(name)))
        except ShipError as error:
            advice = "" if error.reason == "server/bad-record" else error.advice  # it leads here
            troubles.append(_unreadable(name, error.title, error.detail, advice))
        except (OSError, ValueError, msgspec.MsgspecError) as error:
            troubles.append(
                _unreadable(name, f"A record of {name} cannot be read.", str(error), "")
            )
    return found, troubles


def look_at_units(apps: Iterable[AppSeen]) -> dict[str, UnitState]:
    """All units that ship needs, asked for at once."""
    wanted = [NGINX_UNIT, RECOVERY_UNIT, LOG_TIMER, *SSH_UNITS]
    for app in apps:
        wanted.append(socket_unit(app.name))
        wanted += [unit for slot in SLOTS for unit in slot_units(app.name, slot)]
        wanted += [process_unit(app.name, each) for each in instances(app.formation)]
        wanted += [timer_unit(app.name, job) for job in app.timers]
    argv = ("systemctl", "show", f"--property={','.join(PROPERTIES)}", "--", *wanted)
    return unit_states(shell.capture(argv).decode("utf-8", "replace"))


def _app(server: Server, paths: AppPaths) -> AppSeen:
    owner: Owner | None = None
    with suppress(ShipError):  # the module of accounts tells it
        owner = server.host.accounts.owner(paths.name)
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


def _unreadable(name: AppName, title: str, detail: str, advice: str) -> Finding:
    return Finding(
        name="record.unreadable",
        app=name,
        severity="broken",
        title=title,
        seen=tuple(detail.splitlines()),
        means="What runs goes on; no push, command or boot can change this app.",
        advice=advice or "Restore the file from a backup of /var/lib/ship.",
    )


def text_at(path: Path) -> str | None:
    """The text of a file of ship's own; None where there is none, or a link in its place."""
    if path.is_symlink() or not path.is_file():
        return None
    return path.read_text(encoding="utf-8", errors="surrogateescape")

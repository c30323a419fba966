"""The host of a VPS: systemd holds sockets, runs slots and jobs, and journald keeps what they
write.

PID 1 is talked to through `systemctl`, which goes to it directly; each call takes about 8 ms.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from receiver.hosts import last_text
from receiver.hosts.systemd import timers as systemd_timers
from receiver.hosts.systemd.accounts import SystemdAccounts
from receiver.hosts.systemd.background import SystemdBackground
from receiver.hosts.systemd.boot import BootLinks
from receiver.hosts.systemd.jobs import SystemdJobs
from receiver.hosts.systemd.limits import SystemdLimits
from receiver.hosts.systemd.manager import GONE, own_unit, stop_units, systemctl
from receiver.hosts.systemd.request_logs import SystemLogs
from receiver.hosts.systemd.timer_units import timer_files
from receiver.hosts.systemd.units import (
    RECOVERY_UNIT,
    SlotKind,
    app_units,
    placeholder_unit,
    slot_of,
    slot_template,
    slot_unit,
    slot_units,
    socket_unit,
)
from receiver.machine import proc, shell
from receiver.machine.clock import SYSTEM_CLOCK, Clock
from receiver.machine.interpreter import lasting
from receiver.model.cron import Timer
from receiver.model.errors import SwapError
from receiver.model.layout import SLOTS, Layout, SlotLetter
from receiver.model.names import AppName
from receiver.model.plan import WriteFile
from receiver.model.program import RUNTIME
from receiver.model.settings import App, Server
from receiver.nginx import program as nginx
from receiver.state import records

if TYPE_CHECKING:
    from receiver.hosts.examiner import Subject
    from receiver.hosts.systemd.doctor.examiner import SystemdExaminer
    from receiver.hosts.systemd.drains import SystemdDrains
    from receiver.hosts.systemd.journal import JournalLog
    from receiver.hosts.systemd.network import AppNetwork
    from receiver.hosts.systemd.outside_mounts import BoundMounts
    from receiver.hosts.systemd.services import OwnUnits
    from receiver.hosts.systemd.system_packages import AptPackages

_SHOWN_LINES = 20
_CLOCK_S = 1.0
"""How exactly the kernel tells when a process began."""


class SystemdHost:
    """A machine whose process manager is systemd. Everything here needs root."""

    def __init__(
        self, layout: Layout, *, runtime: Path = RUNTIME, clock: Clock = SYSTEM_CLOCK
    ) -> None:
        self._layout = layout
        self._runtime = lasting(runtime)  # what units name outlives this version
        self._clock = clock
        self._boot = BootLinks(layout.units)
        self.background = SystemdBackground(layout, self._runtime, self._boot)
        self.limits = SystemdLimits(layout)
        self.accounts = SystemdAccounts(layout, self.limits)
        self.request_logs = SystemLogs()
        self.jobs = SystemdJobs(layout, runtime, clock)

    @property
    def network(self) -> "AppNetwork":
        """What keeps apps apart."""
        from receiver.hosts.systemd.network import AppNetwork  # noqa: PLC0415 - few commands need it

        return AppNetwork(self._layout, self.accounts)

    @property
    def drains(self) -> "SystemdDrains":
        """What sends logs on."""
        from receiver.hosts.systemd.drains import SystemdDrains  # noqa: PLC0415 - few commands need it

        return SystemdDrains(self._layout)

    @property
    def outside_mounts(self) -> "BoundMounts":
        """Where storage can appear outside of a release's tree."""
        from receiver.hosts.systemd.outside_mounts import BoundMounts  # noqa: PLC0415 - as above

        return BoundMounts(self._layout)

    @property
    def services(self) -> "OwnUnits":
        """Programs of ship's own that the machine starts."""
        from receiver.hosts.systemd.services import OwnUnits  # noqa: PLC0415 - as above

        return OwnUnits(self._layout)

    @property
    def system_packages(self) -> "AptPackages":
        """Packages of Debian's."""
        from receiver.hosts.systemd.system_packages import AptPackages  # noqa: PLC0415 - as above

        return AptPackages(self._layout)

    def examiner(self, settings: Server, apps: "tuple[Subject, ...]") -> "SystemdExaminer":
        """What `ship doctor` asks."""
        from receiver.hosts.systemd.doctor.examiner import SystemdExaminer  # noqa: PLC0415 - as above

        return SystemdExaminer(self._layout, self.accounts, settings, apps)

    def git_remote(self, settings: Server, app: AppName) -> str:
        """By sshd, which has the account `ship`."""
        return f"ship@{settings.domain}:{app}"

    def unit_files(self, app: AppName, settings: App) -> tuple[WriteFile, ...]:
        """Files that describe the app's socket and slots to the process manager."""
        units = app_units(self._layout, app, settings, self._runtime)
        return (*units, *self.limits.files(app, settings.limits))

    def refresh(self) -> None:
        """Read unit files again."""
        systemctl("daemon-reload")

    def hold_socket(self, app: AppName) -> None:
        """Listen on the app's port from now on, also while nothing serves it, and after a boot."""
        self._boot.enable_socket(app)
        # first of all, so that nobody but PID 1 ever answers at the app's ports
        self.network.keep_apart()
        systemctl("start", socket_unit(app))

    def release_socket(self, app: AppName) -> None:
        """Stop listening on the app's port."""
        self._boot.disable_socket(app)
        stop_units(socket_unit(app), placeholder_unit(app))
        self.network.keep_apart(leaving=app)

    def start(self, app: AppName, slot: SlotLetter) -> None:
        """Start a slot; returns when its manager says it is up.

        While the machine boots, slots start when recovery has ended. Then nothing is waited for
        here.

        Raises:
            SwapError: it did not come up; it is stopped again
        """
        unit = slot_unit(app, self._kind(app, slot), slot)
        later = ("--no-block",) if own_unit() == RECOVERY_UNIT else ()
        try:
            systemctl("start", *later, unit)
        except shell.CommandError as error:
            # told before it is stopped: what it failed by is forgotten then
            late = systemctl("show", "--property=Result", "--value", unit).strip() == b"timeout"
            said = last_text(self.app_log(app, slot), _SHOWN_LINES)
            stop_units(unit)
            raise SwapError(
                f"The web process of {app} did not start in slot {slot}.",
                detail=f"Its log ends with:\n{said}",
                advice="Correct the app and push again.",
                reason="swap/not-in-time" if late else "swap/did-not-start",
            ) from error

    def stop(self, app: AppName, slot: SlotLetter) -> bool:
        """Stop a slot gracefully; nothing happens when it is not running."""
        return bool(stop_units(*slot_units(app, slot)))

    def reload(self, app: AppName, slot: SlotLetter) -> None:
        """Send HUP to the slot's main process, which is gunicorn's: no other slot is swapped in
        place.
        """
        systemctl("kill", "--kill-whom=main", "--signal=HUP", slot_unit(app, "web", slot))

    def running(self, app: AppName) -> dict[SlotLetter, int]:
        """Slots that run, or are about to be started again, by PID 1's word.

        A run folder proves nothing: who clears /run takes it from under a slot that serves.
        """
        return _running([unit for slot in SLOTS for unit in slot_units(app, slot)])

    def main_pid(self, app: AppName, slot: SlotLetter) -> int | None:
        """Process id of the slot's main process; None when it does not run."""
        return _running(slot_units(app, slot)).get(slot) or None

    def is_outdated(self, app: AppName, slot: SlotLetter) -> bool:
        """By the times of its process and of the template."""
        pid = self.main_pid(app, slot)
        began_at = None if pid is None else proc.began_at(pid)
        template = self._layout.units / slot_template(app, self._kind(app, slot))
        return began_at is not None and template.stat().st_mtime > began_at + _CLOCK_S

    def enable(self, app: AppName, slot: SlotLetter | None) -> None:
        """Have this slot, and only this one, started at boot; none of the app's when None."""
        chosen = None if slot is None else (self._kind(app, slot), slot)
        self._boot.enable_slot(app, chosen)

    def timer_files(self, app: AppName, timers: Mapping[str, Timer]) -> tuple[WriteFile, ...]:
        """The units of the app's cron jobs."""
        return timer_files(self._layout, app, timers, systemd_timers.SHIP)

    def set_timers(self, app: AppName, timers: Mapping[str, Timer]) -> None:
        """Have exactly these timers wait, now and after a boot."""
        systemd_timers.set_timers(self._layout, app, timers)

    def reload_nginx(self) -> None:
        """Have nginx read its files again; returns when nobody is answered by the old ones any
        more.
        """
        # `systemctl reload` returns before nginx has begun: a new site would answer 404 for a
        # moment
        nginx.reload(self._layout, clock=self._clock)

    def app_log(self, app: AppName, slot: SlotLetter | None = None) -> "JournalLog":
        """What the app's processes wrote, and systemd's words on them; or its web processes in
        one slot.
        """
        from receiver.hosts.systemd import journal as systemd_journal  # noqa: PLC0415 - no push needs it that goes well
        from receiver.state.release_times import ReleaseTimes  # noqa: PLC0415 - as above

        paths = self._layout.app(app)
        since_us = records.created_us(paths)
        matches = systemd_journal.app_matches(self.accounts.owner(app).uid)
        if slot is not None:
            matches = tuple(f"--unit={unit}" for unit in slot_units(app, slot))
        return systemd_journal.JournalLog(app, matches, since_us, ReleaseTimes(paths))

    def _kind(self, app: AppName, slot: SlotLetter) -> SlotKind:
        """Which of the two templates the release that a slot points at needs."""
        record = self._layout.app(app).slot(slot) / "release.json"
        web = json.loads(record.read_bytes())["processes"]["web"]
        return "web" if web["kind"] == "gunicorn" else "port"


def _running(units: Sequence[str]) -> dict[SlotLetter, int]:
    """The slots of which one of these units is not at rest, each with its main process."""
    said = systemctl("show", "--property=Id,ActiveState,MainPID", *units).decode()
    found: dict[SlotLetter, int] = {}
    for block in said.strip().split("\n\n"):
        unit = dict(line.split("=", 1) for line in block.splitlines())
        slot = slot_of(unit["Id"])
        if unit["ActiveState"] not in GONE:
            found[slot] = found.get(slot) or int(unit["MainPID"])
    return found

"""Processes besides web under systemd: an instance of a template unit each."""

from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from receiver.hosts import process_ends
from receiver.hosts.systemd.background_units import (
    instance_of,
    process_files,
    process_template,
    process_unit,
    process_units,
)
from receiver.hosts.systemd.boot import BootLinks
from receiver.hosts.systemd.manager import GONE, own_unit, stop_units
from receiver.hosts.systemd.units import RECOVERY_UNIT
from receiver.machine import shell
from receiver.model.formation import Formation, Instance
from receiver.model.layout import Layout
from receiver.model.names import AppName
from receiver.model.plan import WriteFile
from receiver.model.settings import App

_UNBOUNDED_S = 90_000.0
_ENTRIES = 50


class SystemdBackground:
    """The processes besides web of all apps of this machine."""

    def __init__(self, layout: Layout, runtime: Path, boot: BootLinks) -> None:
        self._layout = layout
        self._runtime = runtime
        self._boot = boot

    def files(self, app: AppName, formation: Formation, settings: App) -> tuple[WriteFile, ...]:
        """The template of each type."""
        return process_files(self._layout, app, formation, self._runtime, settings)

    def written(self, app: AppName) -> frozenset[Path]:
        """The templates that an app has."""
        return frozenset(self._layout.units.glob(process_template(app, "*")))

    def running(self, app: AppName) -> dict[Instance, int]:
        """Process ids of what runs, or is about to be started again: 0 while it has none."""
        wanted = "--property=Id,ActiveState,MainPID"
        said = shell.capture(("systemctl", "show", wanted, process_units(app))).decode()
        found: dict[Instance, int] = {}
        for block in said.strip().split("\n\n"):
            unit = dict(line.split("=", 1) for line in block.splitlines())
            instance = instance_of(unit.get("Id", ""))
            if instance is not None and unit["ActiveState"] not in GONE:
                found[instance] = int(unit["MainPID"])
        return found

    def stop(self, app: AppName, instances: Collection[Instance]) -> frozenset[Instance]:
        """Stop processes, all at once; returns when all are gone: those that were killed."""
        if not instances:
            return frozenset()
        units = [process_unit(app, each) for each in instances]
        killed = stop_units(*units)
        # what ended well is not remembered, and need not be forgotten
        with suppress(shell.CommandError):
            shell.capture(("systemctl", "--quiet", "reset-failed", *units))
        return frozenset(each for each in instances if process_unit(app, each) in killed)

    def start(self, app: AppName, instances: Collection[Instance]) -> None:
        """Start processes; while the machine boots, they start when recovery has ended."""
        if not instances:
            return
        later = ("--no-block",) if own_unit() == RECOVERY_UNIT else ()
        units = [process_unit(app, each) for each in instances]
        shell.capture(("systemctl", "start", *later, *units), limit_s=_UNBOUNDED_S)

    def enable(self, app: AppName, instances: Collection[Instance]) -> None:
        """Have these processes, and only these, started at boot."""
        self._boot.enable_processes(app, instances)

    def last_end(self, app: AppName, instance: Instance) -> str | None:
        """Why a process ended last, by systemd's own words in the journal."""
        kinds = (f"MESSAGE_ID={kind}" for kind in process_ends.MESSAGE_IDS)
        said = _journal(
            app, "--output=json", "_PID=1", f"UNIT={process_unit(app, instance)}", *kinds
        )
        return process_ends.from_journal(said.splitlines())

    def last_line(self, app: AppName, instance: Instance) -> str | None:
        """What a process wrote last since its last start."""
        said = _journal(app, "--output=cat", f"_SYSTEMD_UNIT={process_unit(app, instance)}")
        return process_ends.last_line(said.decode("utf-8", "replace").splitlines())


def _journal(app: AppName, *words: str) -> bytes:
    from receiver.hosts.systemd import journal as systemd_journal  # noqa: PLC0415 - few commands need it

    wanted = ("--quiet", f"--lines={_ENTRIES}", *systemd_journal.of(app))
    return shell.capture(("journalctl", *wanted, *words))

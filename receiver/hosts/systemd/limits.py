"""Limits under systemd: properties of units, at once for what runs and in files for what starts."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from receiver.hosts.systemd.limit_files import limit_files, limit_properties, limited_units
from receiver.hosts.systemd.manager import systemctl
from receiver.hosts.systemd.slices import slice_unit
from receiver.machine import files
from receiver.model.layout import Layout
from receiver.model.names import AppName
from receiver.model.plan import WriteFile
from receiver.model.process_limits import APP_MEMORY, APP_TASKS, WHOLE_APP, Limit, Whole
from receiver.model.settings import Server

_APPLIED = Path("/run/systemd/system.control")
"""Where systemd keeps what `systemctl set-property --runtime` said."""


class SystemdLimits:
    """The limits of all apps of this machine."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout

    def require(self) -> None:
        """Nothing: systemd keeps processes to their limits."""

    def files(self, app: AppName, limits: Mapping[str, Limit]) -> tuple[WriteFile, ...]:
        """The drop-in files of an app's limits."""
        return limit_files(self._layout, app, limits)

    def wholes(
        self, settings: Server, apps: Mapping[AppName, Mapping[str, Limit]]
    ) -> tuple[Whole, ...]:
        """Of the slices."""
        return (
            Whole(app=None, memory=settings.apps_memory, tasks=settings.apps_tasks),
            *(_whole(app, limits.get(WHOLE_APP, Limit())) for app, limits in apps.items()),
        )

    def apply(self, app: AppName, limits: Mapping[str, Limit]) -> None:
        """Keep what runs of these process types to their limits, until the next boot.

        The files of the units say the same for whatever starts later.
        """
        for name, limit in limits.items():
            values = [f"{key}={value}" for key, value in limit_properties(name, limit)]
            for unit in _running(limited_units(app, name)):
                systemctl("set-property", "--runtime", unit, *values)

    def forget_applied(self, app: AppName) -> None:
        """Until the next boot they would hold for another app that is given this name."""
        applied = [
            *_APPLIED.glob(f"ship-{app}.*.service.d"),
            *_APPLIED.glob(f"{slice_unit(app)}.d"),
        ]
        for folder in applied:
            files.remove_tree(folder)
        if applied:
            systemctl("daemon-reload")


def _whole(app: AppName, limit: Limit) -> Whole:
    return Whole(app=app, memory=limit.memory or APP_MEMORY, tasks=str(limit.tasks or APP_TASKS))


def _running(templates: Iterable[str]) -> list[str]:
    """Units of these templates that run, or are being started or stopped."""
    patterns = (template.replace("@.", "@*.") for template in templates)
    shown = systemctl("list-units", "--plain", "--no-legend", "--full", *patterns).decode()
    return [line.split()[0] for line in shown.splitlines() if line]

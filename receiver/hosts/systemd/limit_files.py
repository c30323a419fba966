"""The files by which systemd keeps an app's processes to their limits: beside the units, and
apart from their text. Pure.
"""

from collections.abc import Mapping

from receiver.hosts.systemd.background_units import process_template
from receiver.model.layout import Layout
from receiver.model.names import AppName
from receiver.model.plan import WriteFile
from receiver.model.process_limits import WEB, Limit

FILE_NAME = "90-ship-limits.conf"
"""Sorts behind what `systemctl set-property` writes, so that it counts when all is read anew."""


def limited_units(app: AppName, process_type: str) -> tuple[str, ...]:
    """Templates of the units that a limit of this type is for; they need not be there yet."""
    if process_type == WEB:
        return f"ship-{app}.web@.service", f"ship-{app}.port@.service"
    return (process_template(app, process_type),)


def limit_files(layout: Layout, app: AppName, limits: Mapping[str, Limit]) -> tuple[WriteFile, ...]:
    """The drop-in files of all limits of an app."""
    return tuple(
        WriteFile(str(layout.units / f"{unit}.d" / FILE_NAME), _text(limit))
        for name, limit in sorted(limits.items())
        for unit in limited_units(app, name)
    )


def _text(limit: Limit) -> str:
    lines = "\n".join(f"{name}={value}" for name, value in limit.properties)
    return f"# Written by ship: `ship limits:set` changes it.\n[Service]\n{lines}\n"

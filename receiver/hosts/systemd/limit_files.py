"""The files by which systemd keeps an app's processes to their limits: beside the units, and
apart from their text. Pure.
"""

from collections.abc import Mapping

from receiver.hosts.systemd.background_units import process_template
from receiver.hosts.systemd.slices import slice_unit
from receiver.model.layout import Layout
from receiver.model.names import AppName
from receiver.model.plan import WriteFile
from receiver.model.process_limits import WEB, WHOLE_APP, Limit

FILE_NAME = "90-ship-limits.conf"
"""Sorts behind what `systemctl set-property` writes, so that it counts when all is read anew."""


def limited_units(app: AppName, process_type: str) -> tuple[str, ...]:
    """Templates of the units that a limit of this type is for; they need not be there yet."""
    if process_type == WHOLE_APP:
        return (slice_unit(app),)
    if process_type == WEB:
        return f"ship-{app}.web@.service", f"ship-{app}.port@.service"
    return (process_template(app, process_type),)


def limit_files(layout: Layout, app: AppName, limits: Mapping[str, Limit]) -> tuple[WriteFile, ...]:
    """The drop-in files of all limits of an app."""
    return tuple(
        WriteFile(str(layout.units / f"{unit}.d" / FILE_NAME), _text(name, limit))
        for name, limit in sorted(limits.items())
        for unit in limited_units(app, name)
    )


def limit_properties(process_type: str, limit: Limit) -> tuple[tuple[str, str], ...]:
    """A limit as systemd's settings of the units that it is for."""
    return limit.properties(whole_app=process_type == WHOLE_APP)


def _text(process_type: str, limit: Limit) -> str:
    section = "Slice" if process_type == WHOLE_APP else "Service"
    lines = "\n".join(f"{name}={value}" for name, value in limit_properties(process_type, limit))
    return f"# Written by ship: `ship limits:set` changes it.\n[{section}]\n{lines}\n"

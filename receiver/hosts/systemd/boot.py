"""What the boot starts: the links in systemd's `*.wants` folders.

No daemon-reload is needed for them.
"""

from collections.abc import Iterable
from pathlib import Path

from receiver.hosts.systemd.background_units import process_template, process_unit, process_units
from receiver.hosts.systemd.units import SlotKind, slot_template, slot_unit, slot_units, socket_unit
from receiver.machine import files
from receiver.model.formation import Instance
from receiver.model.layout import SLOTS, SlotLetter
from receiver.model.names import AppName


class BootLinks:
    """The links of all apps below one folder of units."""

    def __init__(self, units: Path) -> None:
        self._units = units

    def enable_socket(self, app: AppName) -> None:
        """Have the app's port listened on as soon as the machine boots."""
        unit = socket_unit(app)
        files.link_atomically(self._wanted_by("sockets.target", unit), f"../{unit}")

    def disable_socket(self, app: AppName) -> None:
        """Have nothing listen on the app's port after a boot."""
        files.remove(self._wanted_by("sockets.target", socket_unit(app)))

    def enable_slot(self, app: AppName, chosen: tuple[SlotKind, SlotLetter] | None) -> None:
        """Have the chosen slot of an app started, and no other.

        Going over to the other slot is one rename, so a power cut leaves exactly one enabled.
        """
        links = [link for link in self._slot_links(app) if link.is_symlink()]
        if chosen is not None:
            kind, slot = chosen
            wanted = self._wanted_by("multi-user.target", slot_unit(app, kind, slot))
            _move_link(links, wanted, f"../{slot_template(app, kind)}")
        for link in links:
            files.remove(link)

    def enable_processes(self, app: AppName, instances: Iterable[Instance]) -> None:
        """Have these processes besides web started, and no others of the app."""
        wanted = {process_unit(app, each): process_template(app, each.type) for each in instances}
        for unit, template in wanted.items():
            link = self._wanted_by("multi-user.target", unit)
            if not link.is_symlink():
                files.link_atomically(link, f"../{template}")
        for link in (self._units / "multi-user.target.wants").glob(process_units(app)):
            if link.name not in wanted:
                files.remove(link)

    def _slot_links(self, app: AppName) -> list[Path]:
        units = [unit for slot in SLOTS for unit in slot_units(app, slot)]
        return [self._wanted_by("multi-user.target", unit) for unit in units]

    def _wanted_by(self, target: str, unit: str) -> Path:
        folder = self._units / f"{target}.wants"
        folder.mkdir(exist_ok=True)  # systemd makes it when the first unit of a target is enabled
        return folder / unit


def _move_link(links: list[Path], wanted: Path, target: str) -> None:
    """Make `wanted` a link to `target`, by renaming one of `links` if it leads there; takes it
    out of them.
    """
    if wanted in links:
        links.remove(wanted)
    elif links and str(links[0].readlink()) == target:
        links.pop(0).replace(wanted)
        files.sync_folder(wanted.parent)
    else:
        files.link_atomically(wanted, target)

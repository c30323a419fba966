"""Units of ship's own on a VPS: recovery, what all apps are in, the timer of logs, the receiver
of pushes over HTTP.
"""

from contextlib import suppress
from pathlib import Path

from receiver.hosts.services import Name, Receiver
from receiver.hosts.systemd.manager import stop_units, systemctl
from receiver.hosts.systemd.network import rules_path
from receiver.hosts.systemd.request_logs import FOLDER
from receiver.hosts.systemd.slices import ALL_APPS, apps_slice
from receiver.hosts.systemd.units import LOG_TIMER, RECOVERY_TEMPLATE, RECOVERY_UNIT
from receiver.machine import files, shell
from receiver.machine.interpreter import lasting, program
from receiver.model.layout import Layout
from receiver.model.names import AppName
from receiver.model.plan import WriteFile
from receiver.model.program import HTTP_CONFIG
from receiver.planner.render import render
from receiver.state import records

_HTTP = ("ship-http.socket", "ship-http.service")
_CERTIFICATES = ("ship-certificates.timer", "ship-certificates.service")
NETWORK_UNIT = "ship-network.service"
"""Has the rules that keep apps apart read at boot, before anything of an app starts."""
_UNITS: dict[Name, dict[str, str]] = {
    "recovery": {RECOVERY_UNIT: "recover.service", RECOVERY_TEMPLATE: "recover@.service"},
    "apps": {NETWORK_UNIT: "network.service"},
    # a timer, since logs that grow with every request cannot wait for the next day
    "log rotation": {LOG_TIMER: "logs.timer", "ship-logs.service": "logs.service"},
    "certificates": {
        _CERTIFICATES[0]: "certificates.timer",
        _CERTIFICATES[1]: "certificates.service",
    },
    # nothing is resident until a push comes
    "receiver": {_HTTP[0]: "http.socket", _HTTP[1]: "http.service"},
}
"""The templates of units."""
_AT_ONCE: dict[Name, str] = {
    # it runs from now on, so that it is restarted when nftables.service is
    "apps": NETWORK_UNIT,
    "log rotation": LOG_TIMER,
    "receiver": _HTTP[0],
    "certificates": _CERTIFICATES[0],
}
_SOCKET = Path("/run/ship-http.sock")


class OwnUnits:
    """The units of this machine that are no app's."""

    receiver = Receiver(_SOCKET, FOLDER / "receiver.log")

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._units = layout.units

    def files(self, name: Name) -> tuple[WriteFile, ...]:
        """The units of a program."""
        values = {
            "ship": str(program("ship")),
            "socket": str(_SOCKET),
            "gunicorn": str(program("gunicorn")),
            "config": str(lasting(HTTP_CONFIG)),
            "unfinished": str(self._layout.app(AppName("%i")).unfinished),
            "rules": str(rules_path(self._layout)),
        }
        units = (
            WriteFile(str(self._units / unit), render(f"systemd/{template}", **values))
            for unit, template in _UNITS[name].items()
        )
        if name != "apps":
            return tuple(units)
        return (*units, apps_slice(self._layout, records.read_server(self._layout)))

    def start(self, name: Name) -> None:
        """Have a boot start it; and what waits for something, wait now."""
        if name == "recovery":
            self._boot_starts.mkdir(exist_ok=True)
            unit = self._units / RECOVERY_UNIT
            files.link_atomically(self._boot_starts / RECOVERY_UNIT, str(unit))
        systemctl("daemon-reload")
        if name in _AT_ONCE:
            shell.admin("systemctl", "enable", "--quiet", "--now", _AT_ONCE[name])

    def call(self, name: Name) -> None:
        """Start its service, beside what asks for it."""
        service = next(unit for unit in _UNITS[name] if unit.endswith(".service"))
        systemctl("start", "--no-block", service)

    def remove(self) -> None:
        """Stop and disable them, and remove their files."""
        for waiting in (_HTTP, (LOG_TIMER,), _CERTIFICATES, (NETWORK_UNIT,)):
            if (self._units / waiting[0]).exists():
                shell.admin("systemctl", "disable", "--quiet", "--now", *waiting)
        with suppress(shell.CommandError):  # a pass that the removal cut off is no failure
            systemctl("--quiet", "reset-failed", _CERTIFICATES[1])
        stop_units(ALL_APPS)
        files.remove(self._boot_starts / RECOVERY_UNIT)
        for unit in (*(unit for units in _UNITS.values() for unit in units), ALL_APPS):
            files.remove(self._units / unit)
        self._remove_empty_wants()

    def _remove_empty_wants(self) -> None:
        """Take away folders of what the boot starts, unless somebody else's units are in them."""
        for folder in self._units.glob("*.target.wants"):
            if not any(folder.iterdir()):
                folder.rmdir()

    @property
    def _boot_starts(self) -> Path:
        return self._units / "multi-user.target.wants"

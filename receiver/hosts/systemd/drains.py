"""Drains as units of systemd's: their files, and how they are run."""

from contextlib import suppress
from pathlib import Path

from receiver.hosts.drains import SHIP, VERSION, program_name, state_name
from receiver.hosts.systemd.manager import stop_units
from receiver.machine import files, shell
from receiver.model.layout import Layout
from receiver.model.names import AppName
from receiver.model.plan import WriteFile
from receiver.planner.render import render

_STATES = Path("/var/lib/private/ship-drains")
"""Where systemd has the state of units whose accounts are made for the time that they run."""


class SystemdDrains:
    """Drains as units."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout

    def start(self, app: AppName, name: str) -> None:
        unit, file = drain_unit(app, name), self._file(app, name)
        files.write_atomically(Path(file.path), file.text, mode=0o644)
        link = self._link(unit)
        link.parent.mkdir(exist_ok=True)
        files.link_atomically(link, f"../{unit}")
        shell.capture(("systemctl", "daemon-reload"))
        shell.capture(("systemctl", "restart", "--no-block", unit))

    def stop(self, app: AppName, name: str) -> None:
        unit = drain_unit(app, name)
        stop_units(unit)
        with suppress(shell.CommandError):
            shell.capture(("systemctl", "--quiet", "reset-failed", unit))
        files.remove(self._link(unit))
        files.remove(self._layout.units / unit)
        shell.capture(("systemctl", "daemon-reload"))

    def forget(self, app: AppName, name: str) -> None:
        # systemd's own links to it lie beside it
        files.remove_tree(self.state(app, name).parent)
        files.remove(Path("/var/lib") / _STATES.name / self.state(app, name).parent.name)
        for folder in (_STATES, Path("/var/lib") / _STATES.name):
            with suppress(OSError):  # others are in it
                folder.rmdir()

    def state(self, app: AppName, name: str) -> Path:
        return _STATES / state_name(app, name)

    def runs(self, app: AppName, name: str) -> bool:
        said = shell.capture(
            ("systemctl", "show", "--property=MainPID", "--value", drain_unit(app, name))
        )
        return said.strip() not in {b"", b"0"}

    def is_current(self, app: AppName, name: str) -> bool:
        file = self._file(app, name)
        return files.read_text(Path(file.path)) == file.text

    def _file(self, app: AppName, name: str) -> WriteFile:
        return unit_file(self._layout, app, name, SHIP, files.read_text(VERSION) or "")

    def _link(self, unit: str) -> Path:
        return self._layout.units / "multi-user.target.wants" / unit


def drain_unit(app: AppName, name: str) -> str:
    """Name of a drain's unit; no app's begin like this, whatever the app is called."""
    return f"{program_name(app, name)}.service"


def unit_file(layout: Layout, app: AppName, name: str, ship: Path, version: str) -> WriteFile:
    """The unit of a drain; another version of ship makes another one, so that it is started
    anew.
    """
    paths = layout.app(app)
    text = render(
        "systemd/drain.service",
        app=app,
        name=name,
        ship=ship,
        version=version.strip(),
        state=f"ship-drains/{app}.{name}",
        ship_state=layout.state,
        shown=[paths.home, layout.audit],
        hidden=[layout.keys, paths.config, paths.releases, paths.venvs, paths.cache, paths.storage],
    )
    return WriteFile(str(layout.units / drain_unit(app, name)), text)

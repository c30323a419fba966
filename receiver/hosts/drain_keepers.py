"""Has the processes of drains run as long as there are drains: a unit, or a program, each."""

import sys
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from receiver import files, shell
from receiver.hosts.systemd_jobs import stop_units
from receiver.model.layout import Layout
from receiver.model.names import AppName
from receiver.model.plan import WriteFile
from receiver.planner.drain_units import (
    STATES,
    drain_process,
    drain_unit,
    program_file,
    state_file,
    unit_file,
)

_SHIP = Path(sys.executable).with_name("ship")
_VERSION = Path(sys.prefix) / ".installed"
"""What installer.sh writes beside the program: a digest of it."""


class Keeper(Protocol):
    """What a process manager does for drains."""

    def start(self, app: AppName, name: str) -> None:
        """Have it run, now and after a boot; one that runs is started anew."""

    def stop(self, app: AppName, name: str) -> None:
        """Have it run no more; returns when it has ended, and has written down how it went."""

    def forget(self, app: AppName, name: str) -> None:
        """Remove what it wrote down."""

    def state(self, app: AppName, name: str) -> Path:
        """Where it writes down how it goes."""

    def runs(self, app: AppName, name: str) -> bool:
        """Whether it runs."""

    def is_current(self, app: AppName, name: str) -> bool:
        """Whether this version of ship started it."""


def keeper(layout: Layout, *, systemd: bool) -> Keeper:
    """Who keeps the drains of a server."""
    return SystemdKeeper(layout) if systemd else SupervisorKeeper(layout)


class SystemdKeeper:
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
        files.remove(Path("/var/lib") / STATES.name / self.state(app, name).parent.name)
        for folder in (STATES, Path("/var/lib") / STATES.name):
            with suppress(OSError):  # others are in it
                folder.rmdir()

    def state(self, app: AppName, name: str) -> Path:
        return state_file(self._layout, app, name, systemd=True)

    def runs(self, app: AppName, name: str) -> bool:
        said = shell.capture(("systemctl", "show", "--property=MainPID", "--value", drain_unit(app, name)))  # fmt: skip
        return said.strip() not in {b"", b"0"}

    def is_current(self, app: AppName, name: str) -> bool:
        file = self._file(app, name)
        return files.read_text(Path(file.path)) == file.text

    def _file(self, app: AppName, name: str) -> WriteFile:
        return unit_file(self._layout, app, name, _SHIP, files.read_text(_VERSION) or "")

    def _link(self, unit: str) -> Path:
        return self._layout.units / "multi-user.target.wants" / unit


class SupervisorKeeper:
    """Drains as programs."""

    def __init__(self, layout: Layout) -> None:
        from receiver.hosts.supervisor_rpc import (  # noqa: PLC0415 - systemd has no use for it
            Supervisor,
            control_socket,
        )

        self._layout = layout
        self._supervisor = Supervisor(control_socket(layout))

    def start(self, app: AppName, name: str) -> None:
        self.state(app, name).parent.mkdir(parents=True, exist_ok=True)
        file = program_file(self._layout, app, name, _SHIP)
        there = files.read_text(Path(file.path)) == file.text
        files.write_atomically(Path(file.path), file.text, mode=0o644)
        if self._supervisor.pid() is None:
            return  # it starts with the server
        if there:
            self._supervisor.stop(drain_process(app, name))
            self._supervisor.start(drain_process(app, name))
        else:
            self._supervisor.update()

    def stop(self, app: AppName, name: str) -> None:
        files.remove(Path(program_file(self._layout, app, name, _SHIP).path))
        if self._supervisor.pid() is not None:
            self._supervisor.update()

    def forget(self, app: AppName, name: str) -> None:
        files.remove_tree(self.state(app, name).parent)

    def state(self, app: AppName, name: str) -> Path:
        return state_file(self._layout, app, name, systemd=False)

    def runs(self, app: AppName, name: str) -> bool:
        if self._supervisor.pid() is None:
            return False
        return bool(self._supervisor.state(drain_process(app, name)).pid)

    def is_current(self, app: AppName, name: str) -> bool:
        """Drains start with their server."""
        file = program_file(self._layout, app, name, _SHIP)
        return files.read_text(Path(file.path)) == file.text

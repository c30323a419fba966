"""Drains as programs of supervisord's: their files, and how they are run."""

import shlex
from pathlib import Path

from receiver.hosts.drains import SHIP, program_name, state_name
from receiver.hosts.supervisord.rpc import Supervisor, control_socket
from receiver.machine import files
from receiver.model.layout import Layout
from receiver.model.names import AppName
from receiver.model.plan import WriteFile
from receiver.planner.render import render


class SupervisorDrains:
    """Drains as programs."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._supervisor = Supervisor(control_socket(layout))

    def start(self, app: AppName, name: str) -> None:
        self.state(app, name).parent.mkdir(parents=True, exist_ok=True)
        file = program_file(self._layout, app, name, SHIP)
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
        files.remove(Path(program_file(self._layout, app, name, SHIP).path))
        if self._supervisor.pid() is not None:
            self._supervisor.update()

    def forget(self, app: AppName, name: str) -> None:
        files.remove_tree(self.state(app, name).parent)

    def state(self, app: AppName, name: str) -> Path:
        return self._layout.state / "drains" / state_name(app, name)

    def runs(self, app: AppName, name: str) -> bool:
        if self._supervisor.pid() is None:
            return False
        return bool(self._supervisor.state(drain_process(app, name)).pid)

    def is_current(self, app: AppName, name: str) -> bool:
        """Drains start with their server."""
        file = program_file(self._layout, app, name, SHIP)
        return files.read_text(Path(file.path)) == file.text


def drain_process(app: AppName, name: str) -> str:
    """Name of a drain's process under supervisord."""
    return f"{program_name(app, name)}:{program_name(app, name)}"


def program_file(layout: Layout, app: AppName, name: str, ship: Path) -> WriteFile:
    """The program of a drain."""
    text = render(
        "supervisor/drain.conf",
        app=app,
        program=program_name(app, name),
        command=shlex.join((str(ship), "drains:serve", "--app", app, name)),
        home=layout.run / "platform",
        root=layout.run.parent,
        logs=layout.app(app).logs,
        name=name,
    )
    return WriteFile(str(layout.units / f"{program_name(app, name)}.conf"), text)

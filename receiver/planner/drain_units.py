"""Decides what keeps a drain running: a unit under systemd, a program under supervisord. Pure."""

import shlex
from pathlib import Path

from receiver.model.layout import Layout
from receiver.model.names import AppName
from receiver.model.plan import WriteFile
from receiver.planner.render import render

STATES = Path("/var/lib/private/ship-drains")
"""Where systemd has the state of units whose accounts are made for the time that they run."""


def drain_unit(app: AppName, name: str) -> str:
    """Name of a drain's unit; no app's begin like this, whatever the app is called."""
    return f"{_program(app, name)}.service"


def drain_process(app: AppName, name: str) -> str:
    """Name of a drain's process under supervisord."""
    return f"{_program(app, name)}:{_program(app, name)}"


def state_file(layout: Layout, app: AppName, name: str, *, systemd: bool) -> Path:
    """Where the drain's process writes down how it goes."""
    folder = STATES if systemd else layout.state / "drains"
    return folder / f"{app}.{name}" / "state.json"


def unit_file(layout: Layout, app: AppName, name: str, ship: Path, version: str) -> WriteFile:
    """The unit of a drain; another version of ship makes another one, so that it is started anew."""
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


def program_file(layout: Layout, app: AppName, name: str, ship: Path) -> WriteFile:
    """The program of a drain."""
    text = render(
        "supervisor/drain.conf",
        app=app,
        program=_program(app, name),
        command=shlex.join((str(ship), "drains:serve", "--app", app, name)),
        home=layout.run / "platform",
        root=layout.run.parent,
        logs=layout.app(app).logs,
        name=name,
    )
    return WriteFile(str(layout.units / f"{_program(app, name)}.conf"), text)


def _program(app: str, name: str) -> str:
    return f"ship.drain.{app}.{name}"

"""Slices: all that runs for one app, and all that runs for apps, as systemd counts it. Pure.

What a unit of its own is limited to says nothing of how many such units there are: workers, jobs
and runs. A slice is over all of them.
"""

from pathlib import PurePosixPath

from receiver.model.layout import Layout
from receiver.model.names import AppName
from receiver.model.plan import WriteFile
from receiver.model.process_limits import APP_MEMORY, APP_TASKS
from receiver.model.settings import Server
from receiver.planner.render import render

ALL_APPS = "ship.slice"
"""What all apps are in; systemd finds it by the hyphen in the names of theirs."""


def slice_unit(app: AppName) -> str:
    """The slice of an app; a hyphen in it would name a slice above."""
    return f"ship-{app.replace('-', '.')}.slice"


def slice_place(app: AppName, unit: str) -> str:
    """Where the control group of a unit of an app is."""
    return str(PurePosixPath(ALL_APPS, slice_unit(app), unit))


def app_slice(layout: Layout, app: AppName) -> WriteFile:
    """The file of an app's slice, with what holds where nobody set a limit."""
    name = slice_unit(app)
    text = render("systemd/app.slice", app=app, name=name, memory=APP_MEMORY, most_tasks=APP_TASKS)
    return WriteFile(str(layout.units / name), text)


def apps_slice(layout: Layout, settings: Server) -> WriteFile:
    """The file of the slice that all apps are in."""
    text = render("systemd/ship.slice", memory=settings.apps_memory, most_tasks=settings.apps_tasks)
    return WriteFile(str(layout.units / ALL_APPS), text)

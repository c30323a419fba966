"""Decides the units that start cron jobs when they are due. Pure."""

from collections.abc import Mapping
from pathlib import Path

from receiver.hosts.systemd.on_calendar import on_calendar
from receiver.hosts.systemd.units import RECOVERY_UNIT
from receiver.model.cron import Timer
from receiver.model.layout import Layout
from receiver.model.names import AppName
from receiver.model.plan import WriteFile
from receiver.model.schedule import Schedule
from receiver.planner.render import render

_ANY = "*"


def timer_unit(app: AppName, job: str) -> str:
    """The unit that waits for a job's time.

    Patterns of one-off jobs have a hyphen, hence none is in it.
    """
    return f"ship-{app}.cron.{job.replace('-', '.')}.timer"


def timer_pattern(app: AppName) -> str:
    """What the names of all such units of an app, and of those that they start, fit."""
    return f"ship-{app}.cron.{_ANY}"


def timer_files(
    layout: Layout, app: AppName, timers: Mapping[str, Timer], ship: Path
) -> tuple[WriteFile, ...]:
    """The units of an app's cron jobs: for each a timer, and what it starts."""
    found: list[WriteFile] = []
    for job, timer in timers.items():
        schedule = Schedule.parse(timer.schedule, timer.timezone)
        texts = {
            timer_unit(app, job): render(
                "systemd/cron.timer",
                app=app,
                job=job,
                calendar=on_calendar(schedule),
                catch_up=timer.catch_up,
            ),
            timer_unit(app, job).replace(".timer", ".service"): render(
                "systemd/cron.service", app=app, job=job, ship=ship, recovery=RECOVERY_UNIT
            ),
        }
        found += [WriteFile(str(layout.units / name), text) for name, text in texts.items()]
    return tuple(found)

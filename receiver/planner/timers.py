"""Decides which cron jobs of an app are waited for, what was missed, and how systemd is told. Pure."""

from collections.abc import Collection, Mapping
from datetime import datetime
from pathlib import Path

from msgspec.structs import replace

from receiver.model.cron import Cron, Timer
from receiver.model.layout import Layout
from receiver.model.names import AppName
from receiver.model.plan import WriteFile
from receiver.model.schedule import Schedule
from receiver.planner.on_calendar import on_calendar
from receiver.planner.render import render
from receiver.planner.systemd_units import RECOVERY_UNIT

_MOST_COUNTED = 1000
_ANY = "*"


def plan_timers(
    jobs: Mapping[str, Cron], suspended: Collection[str], now: Mapping[str, Timer], stamp: str
) -> dict[str, Timer]:
    """The timers that there should be. One that is there already is waited for since it was made."""
    found: dict[str, Timer] = {}
    for name, job in jobs.items():
        if name in suspended:
            continue
        since = now[name].since if name in now else stamp
        timer = Timer(
            schedule=job.schedule, timezone=job.timezone, catch_up=job.catch_up, since=since
        )
        same = timer == now.get(name)
        found[name] = timer if same else replace(timer, since=stamp)
    return found


def due_between(job: Cron, since: datetime, until: datetime) -> list[datetime]:
    """The times at which a job was due after `since` and not after `until`; a thousand of them at most."""
    found: list[datetime] = []
    for due in job.due.times_after(since):
        if due > until or len(found) == _MOST_COUNTED:
            break
        found.append(due)
    return found


def timer_unit(app: AppName, job: str) -> str:
    """The unit that waits for a job's time. Patterns of one-off jobs have a hyphen, hence none is in it."""
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

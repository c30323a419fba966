"""Decides which cron jobs of an app are waited for, and what was missed. Pure."""

from collections.abc import Collection, Mapping
from datetime import datetime

from msgspec.structs import replace

from receiver.model.cron import Cron, Timer

_MOST_COUNTED = 1000


def plan_timers(
    jobs: Mapping[str, Cron], suspended: Collection[str], now: Mapping[str, Timer], stamp: str
) -> dict[str, Timer]:
    """The timers that there should be.

    One that is there already is waited for since it was made.
    """
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
    """The times at which a job was due after `since` and not after `until`; a thousand of them
    at most.
    """
    found: list[datetime] = []
    for due in job.due.times_after(since):
        if due > until or len(found) == _MOST_COUNTED:
            break
        found.append(due)
    return found

"""Starts the cron jobs of one app when they are due, on a server without systemd.

It sleeps in between.
"""

import os
import select
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from receiver.machine import shell
from receiver.model.cron import Timer
from receiver.model.names import AppName
from receiver.model.schedule import Schedule
from receiver.runs import crons
from receiver.server import Server
from receiver.state import records

_HEARD = (signal.SIGHUP, signal.SIGTERM, signal.SIGCHLD)
_LATE = timedelta(seconds=60)
"""A job that is due longer than this is started only where it asks to catch up."""
_LONGEST_SLEEP_S = 900.0
"""A laptop that slept, or a clock that was set, is noticed after this."""
Waited = Callable[[str, Timer], datetime]
"""Says up to when it is known how a job went before the scheduler began."""


class Scheduler:
    """Decides, each time it is asked, what is to be started, and how long to sleep then."""

    def __init__(self, known_since: Waited) -> None:
        self._known_since = known_since
        self._looked: datetime | None = None

    def look(self, timers: Mapping[str, Timer], now: datetime) -> tuple[list[str], float]:
        """Names of the jobs to start now, and the seconds until it has to be asked again."""
        due: list[str] = []
        sleep_s = _LONGEST_SLEEP_S
        for name, timer in timers.items():
            schedule = Schedule.parse(timer.schedule, timer.timezone)
            if self._is_due(name, timer, schedule, now):
                due.append(name)
            if next_at := schedule.next_after(now):
                sleep_s = min(sleep_s, (next_at - now).total_seconds())
        self._looked = now
        return due, sleep_s

    def _is_due(self, name: str, timer: Timer, schedule: Schedule, now: datetime) -> bool:
        begun = datetime.fromisoformat(timer.since)
        since = max(begun, self._looked or self._known_since(name, timer))
        next_at = schedule.next_after(since if timer.catch_up else max(since, now - _LATE))
        return next_at is not None and next_at <= now


def serve(server: Server, app: AppName) -> None:
    """Start the app's jobs until SIGTERM; those that go on end with it.

    SIGHUP: there are others now.
    """
    paths = server.app(app)
    scheduler = Scheduler(lambda name, timer: crons.known_since(paths, name, timer))
    children: list[shell.Process] = []
    with _signals() as heard:
        while True:
            now = datetime.fromisoformat(server.clock.stamp())
            due, sleep_s = scheduler.look(records.read_timers(paths), now)
            children += [_start(server, app, name) for name in due]
            if signal.SIGTERM in heard(sleep_s):
                break
            children = [child for child in children if child.poll() is None]
    for child in children:
        shell.end(child)


def _start(server: Server, app: AppName, name: str) -> shell.Process:
    ship = str(Path(sys.executable).with_name("ship"))
    root = server.layout.run.parent
    env = {
        **shell.PLAIN_ENVIRONMENT,
        "SHIP_ROOT": str(root),
        "HOME": str(server.layout.run / "platform"),
    }
    argv = (ship, "cron:fire", "--wait", "--app", app, name)
    return shell.start(argv, env=env, output=sys.stdout.fileno())


@contextmanager
def _signals() -> Iterator[Callable[[float], frozenset[int]]]:
    """A function that waits so many seconds, or until a signal comes; tells which came."""
    reads, wakes = os.pipe()
    for end in (reads, wakes):
        os.set_blocking(end, False)
    for number in _HEARD:
        signal.signal(number, _noted)
    before = signal.set_wakeup_fd(wakes)

    def heard(limit_s: float) -> frozenset[int]:
        ready, _, _ = select.select([reads], [], [], limit_s)
        return frozenset(os.read(reads, 4096) if ready else b"")

    try:
        yield heard
    finally:
        signal.set_wakeup_fd(before)
        os.close(reads)
        os.close(wakes)


def _noted(_number: int, _frame: object) -> None:
    """What is to be done about a signal is done where it is waited for."""

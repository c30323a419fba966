"""The stories of cron jobs: which there are, a start when one is due, and having them rest for a
while.
"""

import json
from datetime import datetime

import msgspec

from receiver.changes import steps as change_steps
from receiver.changes.app_state import AppState, state_of
from receiver.changes.change import changing
from receiver.model.cron import Cron, Timer
from receiver.model.errors import NotFoundError
from receiver.model.layout import AppPaths
from receiver.model.names import AppName
from receiver.model.plan import WriteFile
from receiver.model.run import BY_SCHEDULE, Limits, Run, Status
from receiver.planner.timers import due_between
from receiver.runs import records as run_records
from receiver.runs import running as runs
from receiver.runs.running import OnOutput, StillRunsError, Wish
from receiver.server import Server
from receiver.state import records

_SHELL = ("/bin/sh", "-c")
_LATE_S = 60
"""After so long a time that no run belongs to counts as missed."""


class Job(msgspec.Struct, frozen=True):
    """A cron job of the live release, and how it goes."""

    name: str
    cron: Cron
    suspended: bool
    next_at: datetime | None
    """When it is due next; None while it is suspended."""
    last: Run | None
    missed: tuple[datetime, ...]
    """The times since its last run at which nothing was there to start it."""


def look(server: Server, app: AppName) -> list[Job]:
    """The cron jobs of the live release, as they stand in its ship.toml."""
    found, now = state_of(server, app), _now(server)
    return [_job(found, name, cron, now) for name, cron in found.jobs.items()]


def find(server: Server, app: AppName, name: str) -> Cron:
    """The cron job of this name.

    Raises:
        NotFoundError: the live release has none
    """
    jobs = state_of(server, app).jobs
    if name not in jobs:
        raise NotFoundError(
            f"{app} has no cron job {name}.",
            detail=f"It has: {', '.join(jobs)}." if jobs else "Its live release has none.",
            advice="Jobs are declared in the app's ship.toml, as `[cron.nightly]`, and come with a "
            "push.",
            reason="not-found/cron-job",
        )
    return jobs[name]


def fire(server: Server, app: AppName, name: str, *, wait: bool) -> None:
    """Start a job because it is due; writes down what was missed before, and that it is skipped
    if it is.

    Args:
        server: the server
        app: the app
        name: the job
        wait: look after the run until it ends, instead of leaving that to a process of its own
    """
    found = state_of(server, app)
    job, timer = found.jobs.get(name), found.timers.get(name)
    if job is None or timer is None:
        return  # a release without it, or somebody who suspended it, was faster
    # the last of these is what it is started for
    due = due_between(job, known_since(found.paths, name, timer), _now(server))
    if due[:-1]:
        _write_down(found, name, job, "missed", due[:-1])
    try:
        start(server, app, name, BY_SCHEDULE, wait=wait, show=len)
    except StillRunsError:
        _write_down(found, name, job, "skipped", [_now(server)])


def start(server: Server, app: AppName, name: str, by: str, *, wait: bool, show: OnOutput) -> Run:
    """Start a job, whenever it is due; returns its run, which has ended if it was waited for.

    Raises:
        StillRunsError: another run of it goes on, and it may not overlap
    """
    job = find(server, app, name)
    wish = Wish(
        argv=(*_SHELL, job.command),
        by=by,
        limits=Limits(time_s=job.limit_s),
        job=name,
        alone=not job.overlap,
    )
    if wait:
        return runs.watched(server, app, wish, show)
    return runs.detached(server, app, wish)


def suspend(server: Server, app: AppName, names: tuple[str, ...]) -> list[str]:
    """Have jobs start by no schedule until they are resumed; all of them where none is named."""
    return _rest(server, app, names, suspended=True)


def resume(server: Server, app: AppName, names: tuple[str, ...]) -> list[str]:
    """Have jobs start by their schedules again; all of them where none is named."""
    return _rest(server, app, names, suspended=False)


def history(server: Server, app: AppName, name: str | None) -> list[Run]:
    """Runs of a job, or of all jobs, newest first; also those that were skipped or missed."""
    paths = server.app(app)
    found = [run for run in run_records.every(paths) if run.job and name in {None, run.job}]
    if name is not None and not found:
        find(server, app, name)
    return found[::-1]


def _rest(server: Server, app: AppName, names: tuple[str, ...], *, suspended: bool) -> list[str]:
    jobs = state_of(server, app).jobs
    for name in names:
        find(server, app, name)
    chosen = list(names or jobs)
    title = "suspension of cron jobs" if suspended else "return of cron jobs"
    with changing(server, app, title) as change:
        before = records.read_suspended(change.paths)
        kept = [name for name in before if name not in chosen]
        after = sorted({*kept, *chosen}) if suspended else kept
        timers = change_steps.timer_steps(change.state, jobs, after)
        note = WriteFile(str(change.paths.suspended), json.dumps(after) + "\n", 0o600)
        change.apply((note, *timers))
    return chosen


def _job(app: AppState, name: str, cron: Cron, now: datetime) -> Job:
    timer = app.timers.get(name)
    ran = [run for run in run_records.of_job(app.paths, name) if run.status != "missed"]
    late = due_between(cron, known_since(app.paths, name, timer), now) if timer else []
    missed = tuple(due for due in late if (now - due).total_seconds() > _LATE_S)
    return Job(
        name=name,
        cron=cron,
        suspended=timer is None,
        next_at=cron.due.next_after(now) if timer else None,
        last=ran[-1] if ran else None,
        missed=missed,
    )


def known_since(paths: AppPaths, name: str, timer: Timer) -> datetime:
    """Up to when it is on record how it went."""
    stamps = [timer.since]
    for run in run_records.of_job(paths, name):
        if run.status in {"skipped", "missed"}:
            stamps.append(run.ended_at or run.started_at)
        elif run.by == BY_SCHEDULE:
            stamps.append(run.started_at)
    return max(map(datetime.fromisoformat, stamps))


def _write_down(app: AppState, name: str, job: Cron, status: Status, times: list[datetime]) -> None:
    """A record of times at which nothing was run; it goes on with the last one, where that says
    the same.
    """
    paths, live = app.paths, app.live
    first, last = (f"{at:%Y-%m-%dT%H:%M:%SZ}" for at in (times[0], times[-1]))
    with run_records.locked(paths):
        before = [run for run in run_records.of_job(paths, name) if run.status != "running"][-1:]
        same = before[0] if before and before[0].status == status else None
        run = Run(
            number=same.number if same else run_records.next_number(paths),
            command=job.command,
            release=live.release if live else 0,
            by=BY_SCHEDULE,
            started_at=same.started_at if same else first,
            ended_at=last,
            job=name,
            status=status,
            times=len(times) + (same.times if same else 0),
        )
        run_records.write(paths, run)


def _now(server: Server) -> datetime:
    return datetime.fromisoformat(server.clock.stamp())

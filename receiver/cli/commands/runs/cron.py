"""`ship cron`: the jobs that run at set times, how they went, and starting one now."""

from typing import TYPE_CHECKING

import click

from receiver.cli import show
from receiver.cli.command import Call, command, for_app, with_json
from receiver.cli.commands.runs.records import as_data, outcome, print_output
from receiver.model.errors import NotFoundError, UsageError
from receiver.model.run import Run, parse_run_name

if TYPE_CHECKING:
    from receiver.runs.crons import Job

_NEVER_RAN = frozenset({"missed", "skipped"})
_NOW = "%Y-%m-%dT%H:%M:%SZ"


@command(
    "cron",
    example="$ ship cron -a blog\nnightly  0 3 * * *  2026-02-01T03:00:00Z  2026-01-31T03:00:00Z"
    "  succeeded  python manage.py clearsessions",
)
@for_app
@with_json
def list_jobs(call: Call, *, as_json: bool) -> None:
    """List the cron jobs: schedule, next run, last run and how it ended. Times are UTC."""
    from receiver.runs import crons

    jobs = crons.look(call.server, call.app)
    if as_json:
        show.as_json([_job_data(job) for job in jobs])
        return
    if not jobs:
        show.progress(f"{call.app} has no cron jobs. They are declared in ship.toml: [cron.NAME].")
    show.table(
        ("Job", "Schedule", "Next run", "Last run", "Result", "Command"),
        [_row(job) for job in jobs],
    )
    for job in jobs:
        if job.missed:
            times = "once" if len(job.missed) == 1 else f"{len(job.missed)} times"
            show.progress(
                f" !     {job.name} was missed {times} since {job.missed[0]:{_NOW}}: the "
                "server was down."
                f" `ship cron:run {job.name}` runs it now."
            )


@command(
    "cron:run",
    example="$ ship cron:run nightly -a blog\n12 sessions removed",
)
@for_app
@click.option("-d", "--detach", is_flag=True, help="Only start it; print the name of the run.")
@click.argument("name", metavar="JOB")
def run(call: Call, name: str, *, detach: bool) -> int:
    """Run a job now; prints what it writes, and ends with its exit code."""
    from receiver.runs import crons
    from receiver.runs import running as runs

    with show.lines() as shown:
        done = crons.start(call.server, call.app, name, call.by, wait=not detach, show=shown)
    if detach:
        show.data(done.name)
        show.progress(f"It goes on by itself. What it says: `ship run:output -t {done.name}`.")
        return 0
    if done.status == "timed out":
        raise runs.too_long(crons.find(call.server, call.app, name).limit_s)
    return done.exit_code or 0


@command(
    "cron:suspend",
    example="$ ship cron:suspend nightly -a blog\nThese start by no schedule until `ship "
    "cron:resume`:\nnightly",
)
@for_app
@click.option("--all", "everything", is_flag=True, help="All jobs of the app.")
@click.argument("names", nargs=-1, metavar="[JOB...]")
def suspend(call: Call, names: tuple[str, ...], *, everything: bool) -> None:
    """Have jobs start by no schedule, over deploys and reboots, until cron:resume.

    Prints their names.
    """
    from receiver.runs import crons

    suspended = crons.suspend(call.server, call.app, _chosen(names, everything=everything))
    show.progress("These start by no schedule until `ship cron:resume`:")
    for name in suspended:
        show.data(name)


@command(
    "cron:resume",
    example="$ ship cron:resume nightly -a blog\nThese start by their schedules again:\nnightly",
)
@for_app
@click.option("--all", "everything", is_flag=True, help="All jobs of the app.")
@click.argument("names", nargs=-1, metavar="[JOB...]")
def resume(call: Call, names: tuple[str, ...], *, everything: bool) -> None:
    """Have jobs start by their schedules again. Prints their names."""
    from receiver.runs import crons

    resumed = crons.resume(call.server, call.app, _chosen(names, everything=everything))
    show.progress("These start by their schedules again:")
    for name in resumed:
        show.data(name)


@command(
    "cron:history",
    example="$ ship cron:history nightly -n 1 -a blog\n"
    "run.12  nightly  2026-01-31T03:00:00Z  3.2 s  v3  schedule  succeeded",
)
@for_app
@with_json
@click.option("-n", "--num", "count", default=15, show_default=True, help="How many runs.")
@click.argument("name", required=False, metavar="[JOB]")
def history(call: Call, name: str | None, count: int, *, as_json: bool) -> None:
    """List the runs of a job, or of all jobs, newest first; also those that were skipped or
    missed.
    """
    from receiver.runs import crons

    found = crons.history(call.server, call.app, name)[: max(count, 0)]
    if as_json:
        show.as_json([{**as_data(run), "times": run.times} for run in found])
        return
    if not found:
        show.progress("No cron job has run yet.")
    columns = ("Run", "Job", "Began", "Took", "Release", "Started by", "Result")
    show.table(columns, [_history_row(run) for run in found])


@command(
    "cron:output",
    example="$ ship cron:output nightly -a blog\n12 sessions removed",
)
@for_app
@click.argument("name", metavar="JOB")
@click.argument("run_name", required=False, metavar="[RUN]")
def output(call: Call, name: str, run_name: str | None) -> None:
    """Print what the last run of a job wrote, or the run that is named."""
    from receiver.runs import crons

    number = parse_run_name(run_name) if run_name else None
    for run in crons.history(call.server, call.app, name):
        if run.status not in _NEVER_RAN and number in {None, run.number}:
            print_output(call, run.number, follow=False)
            return
    which = f"run.{number}" if number else "run"
    raise NotFoundError(
        f"There is no {which} of {name} on record.",
        advice=f"`ship cron:history {name}` lists its runs.",
        reason="not-found/run",
    )


@command("cron:fire")
@for_app
@click.option("--wait", is_flag=True)
@click.argument("name")
def fire(call: Call, name: str, *, wait: bool) -> None:
    """Start a job because it is due: for its timer."""
    from receiver.runs import crons

    crons.fire(call.server, call.app, name, wait=wait)


@command("cron:schedule")
@for_app
def schedule(call: Call) -> None:
    """Start the jobs of an app when they are due: on a server without systemd."""
    from receiver.runs import scheduler

    scheduler.serve(call.server, call.app)


def _chosen(names: tuple[str, ...], *, everything: bool) -> tuple[str, ...]:
    """The jobs that are meant; none stands for all of them."""
    if bool(names) == everything:
        raise UsageError(
            "Which jobs are meant?",
            advice="Name them, or say --all. `ship cron` lists them.",
            reason="usage/no-cron-job",
        )
    return names


def _schedule(job: "Job") -> str:
    zone = job.cron.timezone
    return job.cron.schedule if zone == "UTC" else f"{job.cron.schedule} {zone}"


def _row(job: "Job") -> tuple[str, ...]:
    next_run = f"{job.next_at:{_NOW}}" if job.next_at else "suspended"
    last = (job.last.started_at, outcome(job.last)) if job.last else ("never", "-")
    return (job.name, _schedule(job), next_run, *last, job.cron.command)


def _job_data(job: "Job") -> dict[str, object]:
    return {
        "name": job.name,
        "schedule": job.cron.schedule,
        "timezone": job.cron.timezone,
        "command": job.cron.command,
        "suspended": job.suspended,
        "next_at": f"{job.next_at:{_NOW}}" if job.next_at else None,
        "last": as_data(job.last) if job.last else None,
        "missed": [f"{at:{_NOW}}" for at in job.missed],
    }


def _history_row(run: Run) -> tuple[str, ...]:
    took = f"{run.seconds:.1f} s" if run.seconds is not None else "-"
    return (
        run.name,
        run.job or "",
        run.started_at,
        took,
        f"v{run.release}",
        run.by,
        outcome(run),
    )

"""`ship run:list`, `run:output`, `run:stop`: the runs of an app, what they say, and their end."""

import click

from receiver.cli import show
from receiver.cli.command import Call, command, for_app, with_json
from receiver.model.errors import NotFoundError, UsageError
from receiver.model.log_line import Unstamper
from receiver.model.run import Run, parse_run_name


@command(
    "run:list",
    example="$ ship run:list -a blog\nrun.12  2026-01-31T08:15:00Z  v3  laptop  detached  python "
    "manage.py import",
)
@for_app
@with_json
@click.option("--all", "ended", is_flag=True, help="Detached runs that have ended, too.")
def list_runs(call: Call, *, as_json: bool, ended: bool) -> None:
    """List the runs that go on: of people, detached or not, and of cron jobs."""
    from receiver.runs import records as run_records

    found = run_records.every(call.server.app(call.app))
    found = [run for run in found if run.status == "running" or (ended and not run.job)]
    if as_json:
        show.as_json([as_data(run) for run in found])
        return
    if not found:
        show.progress(f"Nothing is being run in {call.app}.")
    how = ("Status",) if ended else ()
    columns = ("Run", "Since", "Release", "By", "Kind", *how, "Command")
    show.table(columns, [_row(run, ended=ended) for run in found])


@command(
    "run:output",
    example="$ ship run:output run.12 -a blog\n4711 rows imported",
)
@for_app
@click.option("-t", "--tail", "follow", is_flag=True, help="Go on until the run ends.")
@click.argument("name", metavar="RUN")
def output(call: Call, name: str, *, follow: bool) -> None:
    """Print what a detached run, or a run of a cron job, wrote."""
    print_output(call, parse_run_name(name), follow=follow)


@command("run:stop", example="$ ship run:stop run.12 -a blog\nStopping run.12... done")
@for_app
@click.option("--all", "everything", is_flag=True, help="All runs that go on.")
@click.argument("names", nargs=-1, metavar="[RUN...]")
def stop(call: Call, names: tuple[str, ...], *, everything: bool) -> None:
    """End runs: TERM first, and KILL for what is left of them ten seconds later."""
    from receiver.runs import records as run_records
    from receiver.runs import running as runs

    if not names and not everything:
        raise UsageError(
            "Which run is to end?",
            advice="Name it, as in `ship run:stop run.12`, or say --all. `ship run:list` lists "
            "them.",
            reason="usage/no-run",
        )
    paths = call.server.app(call.app)
    found = [run_records.find(paths, parse_run_name(name)) for name in names]
    for run in found:
        if run.status != "running":
            raise NotFoundError(
                f"{run.name} has ended already: {run.status}.", reason="not-found/run"
            )
    for run in run_records.going_on(paths) if everything else found:
        show.transcript(f"Stopping {run.name}... ".encode())
        killed = runs.stop(call.server, call.app, (run,), _tell_late)
        show.progress("killed" if killed else "done")


def _tell_late() -> None:
    from receiver.hosts.jobs import STOP_GRACE_S

    show.transcript(f"it has not ended yet; after {STOP_GRACE_S} s it is killed... ".encode())


def print_output(call: Call, number: int, *, follow: bool) -> None:
    """What a run wrote; as it comes, where it is followed."""
    from receiver.runs import records as run_records

    paths = call.server.app(call.app)
    run, log = run_records.find(paths, number), run_records.log(paths, number)
    if run.status == "running" and not (run.detached or run.job):
        raise NotFoundError(
            f"The output of {run.name} is not kept: it goes to the terminal of {run.by}.",
            reason="not-found/run",
        )
    if follow and run.status == "running":
        from receiver.machine.growth import follow_process

        plain = Unstamper()
        with show.lines() as shown:
            follow_process(log, run.pid, lambda chunk: shown(plain(chunk)))
            shown(plain.rest())
    else:
        with show.lines() as shown:
            for chunk in run_records.output(paths, number):
                shown(chunk)


def as_data(run: Run) -> dict[str, object]:
    """A run for programs to read."""
    return {
        "name": run.name,
        "command": run.command,
        "release": f"v{run.release}",
        "by": run.by,
        "job": run.job,
        "detached": run.detached,
        "status": run.status,
        "started_at": run.started_at,
        "ended_at": run.ended_at,
        "seconds": run.seconds,
        "exit_code": run.exit_code,
    }


def _row(run: Run, *, ended: bool) -> tuple[str, ...]:
    kind = f"cron {run.job}" if run.job else "detached" if run.detached else "attached"
    how = (outcome(run),) if ended else ()
    return (run.name, run.started_at, f"v{run.release}", run.by, kind, *how, run.command)


def outcome(run: Run) -> str:
    """How a run ended, in words."""
    if run.status == "failed":
        return f"failed, exit code {run.exit_code}"
    return f"{run.status}, {run.times} times" if run.times > 1 else run.status

"""The stories of runs: a command as the live release would run it, at a terminal or by itself;
and its end.

A run holds the release that was live when it began: its files stay, whatever is deployed meanwhile.
One that is detached has a process of ship's of its own, which writes down what it says and how it
ends.
"""

import os
import shlex
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import NamedTuple, NoReturn

import msgspec
from msgspec.structs import replace

from receiver.changes.app_state import AppState, read_state
from receiver.hosts.jobs import STOP_GRACE_S, Job, JobTimeoutError
from receiver.machine import files, lifetimes
from receiver.model.errors import (
    CancelledError,
    NotFoundError,
    ServerError,
    ShipError,
    without_pushing,
)
from receiver.model.layout import AppPaths
from receiver.model.names import AppName
from receiver.model.release import Release
from receiver.model.run import STOPPED, TIMED_OUT, Limits, Run, Status
from receiver.runs import profile_files
from receiver.runs import records as run_records
from receiver.runs.jobs import release_variables
from receiver.runs.pushed import Tail, cause
from receiver.server import Server
from receiver.state import records

_STOP_LIMIT_S = 20.0
_PATIENCE_S = 2.0
_LOOK_AGAIN_S = 0.05
_STDERR = 2
OnOutput = Callable[[bytes], object]


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be run, and for whom."""

    argv: tuple[str, ...]
    by: str
    variables: Mapping[str, str] = {}
    """Besides the config vars, or instead of those of the same name."""
    limits: Limits = Limits()
    job: str | None = None
    """The cron job that it is a run of."""
    alone: bool = False
    """Whether it may not begin while another run of the job goes on."""

    @property
    def command(self) -> str:
        """As one would type it."""
        shell = self.argv[:2] == ("/bin/sh", "-c")
        return self.argv[2] if shell else shlex.join(self.argv)


class _Begun(NamedTuple):
    """A run that is on record, and holds the files of its release by that."""

    app: AppState
    release: Release
    wish: Wish
    run: Run

    @property
    def variables(self) -> Path:
        """Where the run's own variables lie: where no other account can see them, and gone with a
        reboot.
        """
        return self.app.paths.run / f"{self.run.name}.json"


class StillRunsError(ShipError):
    """Another run of the cron job goes on."""

    default_reason = "locked/job-runs"


class _StoppedError(Exception):
    """Somebody wants the run to end."""


def attached(server: Server, app: AppName, wish: Wish, *, tty: bool, term: str) -> int:
    """Run a command on the caller's own streams; returns its exit status.

    Why it failed is told on stderr, where that is no terminal: there it is read by ship as well.

    Raises:
        NotFoundError: there is no release to run it in
    """
    begun = _begin(server, app, wish)
    job = _job(begun, {"TERM": term} if tty else {})
    tail = Tail()
    try:
        status = server.engine.jobs.attach(job, tty=tty, on_errors=tail.hear)
    except JobTimeoutError as error:
        raise too_long(wish.limits.time_s) from error
    else:
        if status:
            _tell_why(begun, tail, lambda why: os.write(_STDERR, why))
        return status
    finally:
        _forget(begun)


def watched(server: Server, app: AppName, wish: Wish, show: OnOutput) -> Run:
    """Run a command to its end, its output shown and kept; returns how it ended."""
    return _perform(_begin(server, app, wish), show)


def detached(server: Server, app: AppName, wish: Wish) -> Run:
    """Have a command run by itself, in a process of ship's own; returns when it has begun."""
    begun = _begin(server, app, wish, detached=True)
    sys.stdout.flush()
    go, went = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(went)
        _work(begun, go)
    os.close(go)
    run = replace(begun.run, pid=child, birth=lifetimes.birth(child))
    run_records.write(begun.app.paths, run)
    server.host.jobs.detach(f"ship-run.{app}.{run.number}", child)
    os.write(went, b"g")
    os.close(went)
    return run


def stop(
    server: Server, app: AppName, runs: Sequence[Run], late: Callable[[], object] = lambda: None
) -> bool:
    """End runs; returns when they have ended: whether one had to be killed.

    `late` is called once, when one has not ended soon.

    Raises:
        ServerError: one does not end
    """
    paths = server.app(app)
    for run in runs:
        if lifetimes.lives(run.pid, run.birth):
            os.kill(run.pid, signal.SIGTERM)
    began, told = server.clock.now(), False
    while left := [run for run in runs if lifetimes.lives(run.pid, run.birth)]:
        took_s = server.clock.now() - began
        if took_s > _PATIENCE_S and not told:
            late()
            told = True
        if took_s > _STOP_LIMIT_S:
            raise ServerError(
                f"{left[0].name} of {paths.name} does not end.",
                detail=f"Its process {left[0].pid} was told to {_STOP_LIMIT_S:g} s ago.",
                reason="server/run-does-not-stop",
            )
        server.clock.sleep(_LOOK_AGAIN_S)
    return server.clock.now() - began >= STOP_GRACE_S


def _begin(server: Server, name: AppName, wish: Wish, *, detached: bool = False) -> _Begun:
    """Put a run on record, and by that hold the files of the release it is of."""
    paths = server.app(name)
    with run_records.locked(paths):
        app = read_state(server, paths)
        if app.release is None:
            raise NotFoundError(
                f"{name} has no release to run a command in.",
                advice="Push some code first: `git push prod main`.",
                reason="not-found/release",
            )
        if wish.alone:
            _refuse_second(paths, wish.job)
        run = Run(
            number=run_records.next_number(paths),
            command=wish.command,
            release=app.release.version,
            by=wish.by,
            started_at=server.clock.stamp(),
            detached=detached,
            job=wish.job,
            pid=os.getpid(),
            birth=lifetimes.birth(os.getpid()),
        )
        run_records.write(paths, run)
        run_records.prune(paths)
    return _Begun(app, app.release, wish, run)


def _refuse_second(paths: AppPaths, job: str | None) -> None:
    for run in run_records.going_on(paths):
        if run.job == job:
            raise StillRunsError(
                f"{run.name} of the cron job {job} still goes on, since {run.started_at}.",
                advice=f"Wait for it, or end it: `ship run:stop {run.name}`. With `overlap = true` "
                "in"
                " ship.toml, a job need not wait for itself.",
            )


def _job(begun: _Begun, more: Mapping[str, str]) -> Job:
    app, release, wish, run = begun
    home = app.paths.release(release.version)
    config = home.env
    if wish.variables:
        config = begun.variables
        values = {**records.read_config(home.env), **wish.variables}
        owner = app.server.host.accounts.owner(app.name)
        config.parent.mkdir(parents=True, exist_ok=True)
        records.write_config(config, values, mode=0o640, gid=owner.gid if owner else -1)
    return Job(
        app=app.name,
        argv=profile_files.entered(home.source, wish.argv),
        cwd=home.source,
        env={
            **release_variables(app.paths, app.hosts, release.venv, home.source),
            "DYNO": f"{'cron' if wish.job else 'run'}.{run.number}",
            **profile_files.variables(home.source),
            **more,
        },
        config=config,
        writable=(home.source, app.paths.storage),
        limit_s=float(wish.limits.time_s),
        name="cron" if wish.job else "run",
        lasting=True,
        memory=wish.limits.memory,
        cpu=wish.limits.cpu,
    )


def _perform(begun: _Begun, show: OnOutput) -> Run:
    (app, _, wish, run), server = begun, begun.app.server
    log = run_records.Log(run_records.log(app.paths, run.number))
    began = server.clock.now()
    status: Status = "stopped"
    code, tail = STOPPED, Tail()

    def keep(chunk: bytes) -> None:
        tail.hear(chunk)
        log.write(chunk)
        show(chunk)

    try:
        code = server.engine.jobs.run(_job(begun, {}), keep)
        status = "failed" if code else "succeeded"
        if code:
            _tell_why(begun, tail, keep)
    except JobTimeoutError:
        status, code = "timed out", TIMED_OUT
        log.write(f"ship: {too_long(wish.limits.time_s).title}\n".encode())
    except _StoppedError:
        log.write(b"ship: It was stopped.\n")
    except ShipError as error:
        status, code = "failed", error.exit_code
        keep(f"ship: {error.title} {error.detail}\n".encode())
    finally:
        log.close()
        begun.variables.unlink(missing_ok=True)
        ended = replace(
            run,
            status=status,
            exit_code=code,
            ended_at=server.clock.stamp(),
            seconds=round(server.clock.now() - began, 2),
        )
        run_records.write(app.paths, ended)
    return ended


def _tell_why(begun: _Begun, tail: Tail, tell: OnOutput) -> None:
    """Tell in a line why a run failed, where its output has it."""
    if why := cause(begun.app, begun.release, tail.said):
        tell(f"ship: {why.title} {without_pushing(why.advice)}\n".encode())


def _work(begun: _Begun, go: int) -> NoReturn:
    """The process of a detached run: never returns, whatever happens."""
    try:
        os.setsid()
        signal.signal(signal.SIGTERM, _on_term)
        null = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(null, stream)
        if os.read(go, 1):  # nothing comes where the one who asked ended too early
            os.close(go)
            pid = os.getpid()
            run = replace(begun.run, pid=pid, birth=lifetimes.birth(pid))
            _perform(begun._replace(run=run), len)
    except Exception:  # noqa: BLE001 - nobody is above us; the run's log is where one looks
        import traceback  # noqa: PLC0415 - only a fault of ship's own needs it

        with run_records.log(begun.app.paths, begun.run.number).open("a") as log:
            traceback.print_exc(file=log)
    finally:
        os._exit(0)


def _on_term(_number: int, _frame: FrameType | None) -> NoReturn:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # the end is written down in peace
    raise _StoppedError


def _forget(begun: _Begun) -> None:
    """A run at a terminal leaves nothing: its output was seen, its exit status known."""
    begun.variables.unlink(missing_ok=True)
    files.remove(run_records.record(begun.app.paths, begun.run.number))


def too_long(limit_s: int) -> ShipError:
    """Why a run ended that its time limit ended."""
    return CancelledError(
        f"The run was ended, since it took longer than its limit of {limit_s} s.",
        advice="Give it more: a run by `--timeout 6h`, a cron job by `limit_s` in ship.toml.",
        reason="cancelled/run-too-long",
    )

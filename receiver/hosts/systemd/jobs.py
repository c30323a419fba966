"""Commands that run to an end in an app's sandbox, each as a transient unit started by
`systemd-run`.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from threading import Timer

from receiver.hosts import memory
from receiver.hosts.jobs import STOP_GRACE_S, Job, JobMemoryError, JobTimeoutError, OnErrors
from receiver.hosts.systemd.manager import own_unit, stop_units
from receiver.hosts.systemd.sandbox import Properties, sandbox_properties
from receiver.hosts.systemd.slices import slice_place, slice_unit
from receiver.hosts.systemd.units import journal, recovery_unit
from receiver.machine import files, proc, shell
from receiver.machine.clock import Clock
from receiver.model.errors import ServerError
from receiver.model.layout import AppPaths, Layout
from receiver.model.names import AppName
from receiver.model.settings import App
from receiver.state import records

_PYTHON = ("/usr/bin/python3", "-I", "-S")
_TELLING = ("/bin/sh", "-c", 'trap : HUP INT TERM; "$@"; exit $?', "sh")
"""Tells how the command ended.

To systemd a main process that SIGTERM or SIGINT ended has succeeded, so that a build which a
shutdown stopped would count as a good one; a shell ends with 143 then.
"""
_BACKSTOP_S = 30
"""How much later than ship itself systemd ends a job that takes too long."""
_ENDED_BY_TERM = 143
_DETACH_LIMIT_S = 5.0
_LOOK_AGAIN_S = 0.002
_BUS = "dbus.service"
_BACKGROUND_JOBS = frozenset({"build", "predeploy"})
_DEFAULT_ENVIRONMENT = {"HOME": "/tmp", "LANG": "C.UTF-8"}  # noqa: S108 - the job's own, PrivateTmp


def job_unit(job: Job) -> str:
    """A name for one run of `job`; one that outlasts deploys is told apart from a deploy's."""
    return f"ship-{job.app}.{job.name}{'_' if job.lasting else '-'}{os.urandom(4).hex()}.service"


def deploy_job_units(app: AppName) -> str:
    """Pattern of the units of an app's jobs but the lasting ones. No unit that stays fits it."""
    return f"ship-{app}.*-*.service"


def lasting_job_units(app: AppName) -> str:
    """Pattern of the units of an app's runs: those of people, and of cron jobs."""
    return f"ship-{app}.*_*.service"


def job_argv(layout: Layout, runtime: Path, job: Job, unit: str, *options: str) -> tuple[str, ...]:
    """The whole command line of `systemd-run` for a job.

    It dies with the process that asked for it. Then the scope of that process is empty, which ends
    the job too: see `_tied_to_scope`.
    """
    properties = (
        ("Slice", slice_unit(job.app)),
        *sandbox_properties(layout, job.app, job.writable, _settings(layout.app(job.app))),
        # the app's own, as its processes have it by LogNamespace=
        ("BindReadOnlyPaths", f"-/run/systemd/journal.{journal(job.app)}:/run/systemd/journal"),
        *_limits(job),
        *_tied_to_scope(lasting=job.lasting),
    )
    environment = {**_DEFAULT_ENVIRONMENT, **job.env}
    return (
        *("/usr/bin/setpriv", "--pdeathsig", "KILL", "/usr/bin/systemd-run"),
        *("--quiet", "--wait", "--collect", "--service-type=exec", f"--unit={unit}"),
        f"--description=ship: {job.name} of {job.app}",
        f"--working-directory={job.cwd}",
        *options,
        *(f"--property={name}={value}" for name, value in properties),
        *(f"--setenv={name}={value}" for name, value in environment.items()),
        "--",
        # systemd puts variables into a unit's arguments, also into those of a transient one
        *(word.replace("$", "$$") for word in (*_TELLING, *_entered(job, runtime))),
    )


def _settings(paths: AppPaths) -> App | None:
    return records.read_app(paths) if paths.settings.exists() else None


def _entered(job: Job, runtime: Path) -> tuple[str, ...]:
    if job.config is None:
        return ("/usr/bin/env", "--", *job.argv)
    return (*_PYTHON, str(runtime / "enter.py"), str(job.config), "--", *job.argv)


def _limits(job: Job) -> Properties:
    limits = [("TimeoutStopSec", str(STOP_GRACE_S)), ("TasksMax", "infinity")]
    limits.append(("MemoryMax", job.memory or str(job.most_memory_bytes or "80%")))
    if job.cpu is not None:
        limits.append(("CPUQuota", job.cpu))
    if job.limit_s is not None:
        limits.append(("RuntimeMaxSec", f"{job.limit_s + _BACKSTOP_S:g}"))
    if job.name in _BACKGROUND_JOBS:
        limits += [("Nice", "10"), ("CPUWeight", "20"), ("IOWeight", "20")]
    return tuple(limits)


def _tied_to_scope(*, lasting: bool) -> Properties:
    """Have the job end with the scope that ship runs in: a deploy's own, or a person's ssh session.

    A deploy that has not reached its own scope yet is not tied to the session it is about to leave.
    """
    unit = own_unit()
    if not unit.endswith(".scope") or not (lasting or unit.startswith("ship-")):
        return ()
    return (("BindsTo", unit), ("After", unit))


def believed(status: int, *, since_s: float) -> int:
    """The exit status of a job, of which `systemd-run` said that it was `status`.

    `systemd-run` hears of a job over the bus. When the bus goes away, which it does early in a
    shutdown, it ends and tells what it heard last: while a job runs, that is success.

    Args:
        status: what systemd-run ended with
        since_s: when the job was started, by the monotonic clock
    """
    if status:
        return status
    # systemctl asks PID 1 itself, not over the bus
    wanted = ("--property=ActiveState", "--property=ActiveEnterTimestampMonotonic")
    said = shell.capture(("systemctl", "show", *wanted, _BUS)).decode().splitlines()
    bus = dict(line.split("=", 1) for line in said)
    entered_s = int(bus["ActiveEnterTimestampMonotonic"]) / 1_000_000
    return status if bus["ActiveState"] == "active" and entered_s < since_s else _ENDED_BY_TERM


@contextmanager
def stopped_at_the_end(unit: str, limit_s: float | None) -> Iterator[None]:
    """Stop `unit` when `limit_s` passes, or when the code inside is interrupted.

    Raises:
        JobTimeoutError: it was stopped because the time was over
    """
    late = False

    def expire() -> None:
        nonlocal late
        late = True
        stop_units(unit)

    timer = Timer(limit_s, expire) if limit_s is not None else None
    if timer:
        timer.start()
    try:
        yield
    except BaseException:
        stop_units(unit)
        raise
    finally:
        if timer:
            timer.cancel()
            timer.join()
    if late:
        raise JobTimeoutError(f"{unit} did not end within {limit_s:g} s.")


def kept_to_memory(
    app: AppName, unit: str, limit_bytes: int | None
) -> AbstractContextManager[None]:
    """Kill a unit that uses too much, also on a machine whose kernel does not count for systemd.

    Raises:
        JobMemoryError: it was killed for that
    """
    place = slice_place(app, unit)

    def kill() -> None:
        with suppress(shell.CommandError):  # it has ended
            shell.capture(("systemctl", "kill", "--signal=KILL", unit))

    return memory.kept_to(limit_bytes, lambda: memory.pids_of_unit(place), kill)


def killed_for_memory(unit: str) -> bool:
    """Whether the kernel killed something of a unit that failed, because its memory was used up.

    The unit itself is gone by now; its journal says it.
    """
    argv = ("journalctl", "--quiet", "--output=cat", "--lines=20", f"--unit={unit}")
    return "oom-kill" in shell.capture(argv).decode(errors="replace")


class BackgroundJob:
    """A job that goes on while ship does something else."""

    def __init__(self, argv: Sequence[str], unit: str, log: Path) -> None:
        fd = files.open_log(log)
        try:
            self._process = shell.start(argv, env=shell.PLAIN_ENVIRONMENT, output=fd)
        finally:
            os.close(fd)
        self._unit = unit

    def poll(self) -> int | None:
        """Exit status, or None while it runs."""
        return self._process.poll()

    def stop(self) -> None:
        """End it and everything it started; returns when they are gone."""
        stop_units(self._unit)
        self._process.wait()


class SystemdJobs:
    """The jobs of all apps of this machine."""

    def __init__(self, layout: Layout, runtime: Path, clock: Clock) -> None:
        self._layout = layout
        self._runtime = runtime
        self._clock = clock

    def run(
        self, job: Job, on_output: Callable[[bytes], object], *, stdin: int | None = None
    ) -> int:
        """Run to the end, handing on output (both streams) as it comes; returns the exit status.

        Raises:
            JobTimeoutError: `limit_s` passed.
            JobMemoryError: it used more than `most_memory_bytes`
        """
        unit = job_unit(job)
        argv = job_argv(self._layout, self._runtime, job, unit, "--pipe")
        since_s = self._clock.now()
        process = shell.start(argv, env=shell.PLAIN_ENVIRONMENT, stdin=stdin)
        with (
            stopped_at_the_end(unit, job.limit_s),
            kept_to_memory(job.app, unit, job.most_memory_bytes),
        ):
            status = shell.pump(process, on_output)
        if status and job.most_memory_bytes is not None and killed_for_memory(unit):
            raise JobMemoryError
        return believed(status, since_s=since_s)

    def spawn(self, job: Job, log: Path) -> BackgroundJob:
        """Start in the background; its output goes into `log`.

        It is ended by SIGKILL: gunicorn takes 0.3 s to end politely, in every deploy, and a canary
        has no visitor whose request would be cut off.
        """
        unit = job_unit(job)
        ended_at_once = "--property=KillSignal=SIGKILL"
        argv = job_argv(self._layout, self._runtime, job, unit, "--pipe", ended_at_once)
        return BackgroundJob(argv, unit, log)

    def attach(self, job: Job, *, tty: bool, on_errors: OnErrors | None = None) -> int:
        """Run with the caller's own stdin, stdout and stderr; returns the exit status."""
        unit = job_unit(job)
        mode = "--pty" if tty else "--pipe"
        argv = job_argv(self._layout, self._runtime, job, unit, mode)
        since_s = self._clock.now()
        with stopped_at_the_end(unit, job.limit_s):
            env = {**shell.PLAIN_ENVIRONMENT, **job.env}
            status = shell.attach(argv, env=env, on_errors=None if tty else on_errors)
        return believed(status, since_s=since_s)

    def stop(self, app: AppName) -> None:
        """Stop what `run` and `spawn` started for an app and nobody waits for any more."""
        stop_units(deploy_job_units(app))

    def detach(self, name: str, pid: int, *, changes: AppName | None = None) -> None:
        """Put process `pid` in a scope of its own, so that it outlives the session that made it.

        However the scope ends, PID 1 starts what undoes a change of `changes`, unless there is
        none: it looks for the journal by itself, so that a deploy which comes to its end costs no
        process.
        """
        scope = f"{name}.scope"
        then = () if changes is None else (recovery_unit(changes),)
        ends = [("OnSuccess", "as", "1", *then), ("OnFailure", "as", "1", *then)] if then else []
        shell.capture(
            (
                *(
                    "busctl",
                    "--quiet",
                    "call",
                    "org.freedesktop.systemd1",
                    "/org/freedesktop/systemd1",
                ),
                *("org.freedesktop.systemd1.Manager", "StartTransientUnit", "ssa(sv)a(sa(sv))"),
                *(scope, "fail", str(3 + len(ends))),
                *("Description", "s", f"ship: {name}"),
                *("PIDs", "au", "1", str(pid)),
                *("CollectMode", "s", "inactive-or-failed"),
                *(word for end in ends for word in end),
                "0",
            )
        )
        self._await_scope(scope, pid)

    def _await_scope(self, scope: str, pid: int) -> None:
        """PID 1 answers before it has moved the process."""
        deadline = self._clock.now() + _DETACH_LIMIT_S
        while not any(scope in group.place for group in proc.control_groups(pid)):
            if self._clock.now() > deadline:
                raise ServerError(
                    f"Process {pid} could not be put into {scope}.", reason="server/detach-failed"
                )
            self._clock.sleep(_LOOK_AGAIN_S)

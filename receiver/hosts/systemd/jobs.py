"""Commands that run to an end in an app's sandbox, each as a transient unit started by
`systemd-run`.
"""

import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from threading import Timer

from receiver.hosts import Job, JobTimeoutError, memory
from receiver.hosts.systemd.sandbox import Properties, sandbox_properties
from receiver.machine import shell
from receiver.model.layout import Layout
from receiver.model.names import AppName
from receiver.state import records

_PYTHON = ("/usr/bin/python3", "-I", "-S")
_TELLING = ("/bin/sh", "-c", 'trap : HUP INT TERM; "$@"; exit $?', "sh")
"""Tells how the command ended.

To systemd a main process that SIGTERM or SIGINT ended has succeeded, so that a build which a
shutdown stopped would count as a good one; a shell ends with 143 then.
"""
_STOP_LIMIT_S = 10
_BACKSTOP_S = 30
"""How much later than ship itself systemd ends a job that takes too long."""
_ENDED_BY_TERM = 143
_BUS = "dbus.service"
_NOT_LOADED = 5
"""Exit status of `systemctl stop` for a unit that is not there, or not any more."""
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


def own_unit() -> str:
    """The unit that ship itself runs in."""
    lines = Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    return lines[-1].rpartition("/")[2]


def stop_units(*units: str, limit_s: float = 90_000) -> None:
    """Stop units and wait until their processes are gone; nothing happens to those that are not
    there.

    `--quiet` spares several questions to PID 1, whether a socket could start them again.
    """
    try:
        shell.capture(("systemctl", "--quiet", "stop", *units), limit_s=limit_s)
    except shell.CommandError as error:
        if error.status != _NOT_LOADED:
            raise


def job_argv(layout: Layout, runtime: Path, job: Job, unit: str, *options: str) -> tuple[str, ...]:
    """The whole command line of `systemd-run` for a job.

    It dies with the process that asked for it. Then the scope of that process is empty, which ends
    the job too: see `_tied_to_scope`.
    """
    properties = (
        *sandbox_properties(
            layout, job.app, job.writable, records.read_mounts(layout.app(job.app))
        ),
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


def _entered(job: Job, runtime: Path) -> tuple[str, ...]:
    if job.config is None:
        return ("/usr/bin/env", "--", *job.argv)
    return (*_PYTHON, str(runtime / "enter.py"), str(job.config), "--", *job.argv)


def _limits(job: Job) -> Properties:
    limits = [("TimeoutStopSec", str(_STOP_LIMIT_S)), ("TasksMax", "4096")]
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


def kept_to_memory(unit: str, limit_bytes: int | None) -> AbstractContextManager[None]:
    """Kill a unit that uses too much, also on a machine whose kernel does not count for systemd.

    Raises:
        JobMemoryError: it was killed for that
    """

    def kill() -> None:
        with suppress(shell.CommandError):  # it has ended
            shell.capture(("systemctl", "kill", "--signal=KILL", unit))

    return memory.kept_to(limit_bytes, lambda: memory.pids_of_unit(unit), kill)


def killed_for_memory(unit: str) -> bool:
    """Whether the kernel killed something of a unit that failed, because its memory was used up.

    The unit itself is gone by now; its journal says it.
    """
    argv = ("journalctl", "--quiet", "--output=cat", "--lines=20", f"--unit={unit}")
    return "oom-kill" in shell.capture(argv).decode(errors="replace")


class BackgroundJob:
    """A job that goes on while ship does something else."""

    def __init__(self, argv: Sequence[str], unit: str, log: Path) -> None:
        fd = os.open(
            log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600
        )
        try:
            self._process: subprocess.Popen[bytes] = shell.start(
                argv, env=shell.PLAIN_ENVIRONMENT, output=fd
            )
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

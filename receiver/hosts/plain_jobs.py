"""Runs an app's jobs as the user who started ship: a session of their own, nothing inherited, a time limit.

There is no sandbox here: without root and systemd, all apps of a server belong to one user.
"""

import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from receiver import shell
from receiver.clock import SYSTEM_CLOCK, Clock
from receiver.hosts import Job, JobTimeoutError

_ENTER = Path(__file__).parent.parent / "runtime" / "enter.py"
_READ_BYTES = 65_536
_STOP_GRACE_S = 5.0
_LAST_READS = 32
"""A pipe holds less than this; more comes only from a child that never stops writing."""


def command_of(job: Job) -> tuple[str, ...]:
    """The job's argv, entered through its file of config vars if it has one."""
    if job.config is None:
        return job.argv
    return (sys.executable, "-I", "-S", str(_ENTER), str(job.config), "--", *job.argv)


def environment_of(job: Job, home: Path) -> Mapping[str, str]:
    """Everything a job inherits: nothing of whoever started ship."""
    return {**shell.PLAIN_ENVIRONMENT, "HOME": str(home), **job.env}


def run(
    job: Job,
    home: Path,
    on_output: Callable[[bytes], None],
    stdin: int | None,
    clock: Clock = SYSTEM_CLOCK,
) -> int:
    """Run to the end, or to the limit; whatever it started has ended too when this returns."""
    process = shell.start(command_of(job), env=environment_of(job, home), cwd=job.cwd, stdin=stdin)
    ends_at = None if job.limit_s is None else clock.now() + job.limit_s
    try:
        _follow(process, on_output, ends_at, clock)
    except BaseException:
        _end(process)
        raise
    finally:
        _signal_group(process, signal.SIGKILL)  # what it left behind, before its id can be reused
        status = process.wait()
        if process.stdout is not None:
            process.stdout.close()
    return status


class Background:
    """A job that goes on; `log` takes what it writes."""

    def __init__(self, job: Job, home: Path, log: Path) -> None:
        fd = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
        try:
            self._process = shell.start(
                command_of(job), env=environment_of(job, home), cwd=job.cwd, output=fd
            )
        finally:
            os.close(fd)

    def poll(self) -> int | None:
        """Exit status, or None while it runs."""
        process = self._process
        if process.returncode is None and _ended(process, 0.0):
            _signal_group(process, signal.SIGKILL)
            process.wait()
        return process.returncode

    def stop(self) -> None:
        """End it and everything it started."""
        if self._process.returncode is None:
            _end(self._process)
            self._process.wait()


def _follow(
    process: subprocess.Popen[bytes],
    on_output: Callable[[bytes], None],
    ends_at: float | None,
    clock: Clock,
) -> None:
    """Hand on output until the process ends: not until the pipe does, which a child may keep open."""
    if process.stdout is None:
        return
    output = process.stdout.fileno()
    os.set_blocking(output, False)
    ended = os.pidfd_open(process.pid)
    try:
        sources = [output, ended]
        while ended in sources:
            left_s = None if ends_at is None else max(ends_at - clock.now(), 0.0)
            ready, _, _ = select.select(sources, [], [], left_s)
            if not ready or left_s == 0.0:
                raise JobTimeoutError
            if output in ready and not _hand_on(output, on_output):
                sources.remove(output)
            if ended in ready:
                sources.remove(ended)
        for _ in range(_LAST_READS):
            if not _hand_on(output, on_output):
                break
    finally:
        os.close(ended)


def _hand_on(fd: int, on_output: Callable[[bytes], None]) -> bool:
    """Hand on what is there; whether there was anything."""
    try:
        chunk = os.read(fd, _READ_BYTES)
    except BlockingIOError:
        return False
    if chunk:
        on_output(chunk)
    return bool(chunk)


def _end(process: subprocess.Popen[bytes]) -> None:
    """TERM to its whole group, and KILL to what is left of it; the leader is not reaped in between."""
    _signal_group(process, signal.SIGTERM)
    _ended(process, _STOP_GRACE_S)
    _signal_group(process, signal.SIGKILL)


def _ended(process: subprocess.Popen[bytes], limit_s: float) -> bool:
    descriptor = os.pidfd_open(process.pid)
    try:
        return bool(select.select([descriptor], [], [], limit_s)[0])
    finally:
        os.close(descriptor)


def _signal_group(process: subprocess.Popen[bytes], sent: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, sent)

"""Runs an app's jobs as the user who started ship: a session of their own, nothing inherited, a
time limit.

There is no sandbox here: without root and systemd, all apps of a server belong to one user.
"""

import os
import select
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

import msgspec

from receiver.hosts import memory
from receiver.hosts.jobs import STOP_GRACE_S, Job, JobTimeoutError, OnErrors
from receiver.machine import files, lifetimes, proc, shell
from receiver.machine.clock import SYSTEM_CLOCK, Clock
from receiver.model.program import RUNTIME

_ENTER = RUNTIME / "enter.py"
_READ_BYTES = 65_536
_BUILD_NICE = 10
"""A build gives way to the apps that serve."""
_LAST_READS = 32
"""A pipe holds less than this; more comes only from a child that never stops writing."""


class Place(msgspec.Struct, frozen=True):
    """Where an app's jobs have their HOME, and where it is noted which of them run."""

    home: Path
    ledger: Path


def command_of(job: Job) -> tuple[str, ...]:
    """The job's argv, entered through its file of config vars if it has one."""
    if job.config is None:
        return job.argv
    return (sys.executable, "-I", "-S", str(_ENTER), str(job.config), "--", *job.argv)


def environment_of(place: Place, job: Job) -> Mapping[str, str]:
    """Everything a job inherits: nothing of whoever started ship."""
    return {**shell.PLAIN_ENVIRONMENT, "HOME": str(place.home), **job.env}


def run(
    place: Place,
    job: Job,
    on_output: Callable[[bytes], object],
    stdin: int | None,
    clock: Clock = SYSTEM_CLOCK,
) -> int:
    """Run to the end, or to the limit; whatever it started has ended too when this returns."""
    process = _start(place, job, stdin=stdin)
    ends_at = None if job.limit_s is None else clock.now() + job.limit_s
    session = partial(proc.session, process.pid)
    try:
        with memory.kept_to(job.most_memory_bytes, session, lambda: _kill(session())):
            _follow(process, on_output, ends_at, clock)
    except BaseException:
        shell.end(process, grace_s=STOP_GRACE_S)
        raise
    finally:
        status = _reap(place, process)
        shell.output_of(process).close()
    return status


def attach(place: Place, job: Job, on_errors: OnErrors | None = None) -> int:
    """Run on the caller's own streams; returns the exit status.

    Raises:
        JobTimeoutError: `limit_s` passed
    """
    env = environment_of(place, job)
    try:
        argv = command_of(job)
        return shell.attach(argv, env=env, cwd=job.cwd, limit_s=job.limit_s, on_errors=on_errors)
    except TimeoutError as error:
        raise JobTimeoutError from error


class Background:
    """A job that goes on; `log` takes what it writes."""

    def __init__(self, place: Place, job: Job, log: Path) -> None:
        self._place = place
        fd = files.open_log(log)
        try:
            self._process = _start(place, job, output=fd)
        finally:
            os.close(fd)

    def poll(self) -> int | None:
        """Exit status, or None while it runs."""
        if self._process.returncode is None and shell.ended(self._process, 0.0):
            _reap(self._place, self._process)
        return self._process.returncode

    def stop(self) -> None:
        """End it and everything it started."""
        if self._process.returncode is None:
            shell.end(self._process, grace_s=STOP_GRACE_S)
            _reap(self._place, self._process)


def stop_left_over(place: Place) -> None:
    """End jobs that were noted and never struck out: whoever waited for them was killed."""
    for note in sorted(place.ledger.glob("[0-9]*")):
        leader = int(note.name)
        # without its leader a session can only be the one noted: its id is not given out meanwhile
        if _is_of_this_boot(note) and lifetimes.birth(leader) in {
            "",
            note.read_text(encoding="ascii"),
        }:
            _kill(proc.session(leader))
        note.unlink(missing_ok=True)


def _kill(pids: Sequence[int]) -> None:
    for pid in pids:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)


def _start(
    place: Place, job: Job, *, stdin: int | None = None, output: int | None = None
) -> shell.Process:
    place.ledger.mkdir(parents=True, exist_ok=True)
    process = shell.start(
        command_of(job),
        env=environment_of(place, job),
        cwd=job.cwd,
        stdin=stdin,
        output=output,
    )
    if job.name == "build":
        os.setpriority(os.PRIO_PROCESS, process.pid, _BUILD_NICE)
    (place.ledger / str(process.pid)).write_text(lifetimes.birth(process.pid), encoding="ascii")
    return process


def _reap(place: Place, process: shell.Process) -> int:
    """The exit status; what the job left behind ends first, before its id can be given out
    again.
    """
    status = shell.reap(process)
    (place.ledger / str(process.pid)).unlink(missing_ok=True)
    return status


def _is_of_this_boot(note: Path) -> bool:
    return note.read_text(encoding="ascii").startswith(proc.boot_id())


def _follow(
    process: shell.Process,
    on_output: Callable[[bytes], object],
    ends_at: float | None,
    clock: Clock,
) -> None:
    """Hand on output until the process ends: not until the pipe does, which a child may keep
    open.
    """
    output = shell.output_of(process).fileno()
    os.set_blocking(output, False)
    with lifetimes.end_of(process.pid) as ended:
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


def _hand_on(fd: int, on_output: Callable[[bytes], object]) -> bool:
    """Hand on what is there; whether there was anything."""
    try:
        chunk = os.read(fd, _READ_BYTES)
    except BlockingIOError:
        return False
    if chunk:
        on_output(chunk)
    return bool(chunk)

"""Runs a change of an app in a process of its own, which goes on when the one who asked hangs up.

The process that was started by a person forks; the child does the work and writes its transcript
into the build's log; the parent shows that log until the child ends, and takes over its exit code.
Forking, where starting anew would do as well, spares the import of everything a second time.
"""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import IO, NamedTuple, NoReturn

from msgspec.structs import replace

from receiver.access.audit import Entry
from receiver.machine import files
from receiver.model.errors import CancelledError, ShipError
from receiver.model.layout import AppPaths
from receiver.model.names import AppName
from receiver.model.output import Output, secrets_of
from receiver.model.release import Build, Release
from receiver.model.terminal import Filter
from receiver.server import Server
from receiver.state import builds, records
from receiver.state.transcripts import Transcript

Work = Callable[[Output, int], Release | None]
"""Does the change; is given the output to write to and the number of the build."""


class Request(NamedTuple):
    """Who asks for what."""

    app: AppName
    by: str
    commit: str
    description: str
    entry: Entry | None = None
    """What the audit has of it; its end is recorded by the process that does the work."""


def run_detached(
    server: Server,
    request: Request,
    work: Work,
    show: Callable[[bytes], object],
    warm_up: Callable[[], object] = lambda: None,
) -> int:
    """Do `work` in a process of its own, showing its transcript; returns its exit code.

    Args:
        server: the server
        request: who asks for what
        work: the change
        show: takes the transcript as it grows
        warm_up: imports what the work needs, while the other process still puts this one
            into its unit
    """
    paths = server.app(request.app)
    build, held = _begin(server, paths, request)
    sys.stdout.flush()
    go, went = os.pipe()
    untold = files.nameless()
    child = os.fork()
    if child == 0:
        os.close(went)
        _work(server, paths, build, _Job(work, warm_up, request.entry, untold), go)
    if request.entry is not None:
        request.entry.hand_over()
    os.close(held)  # the child holds it now
    os.close(go)
    server.host.jobs.detach(f"ship-deploy.{request.app}.{build.number}", child)
    os.close(went)
    with untold:
        return _follow(paths, build.number, child, untold, show)


def cancel(server: Server, app: AppName, number: int | None = None) -> Build | None:
    """Stop the newest build that runs, or that of this number; what it did is undone.

    Returns:
        its record, or None when it does not run
    """
    paths = server.app(app)
    for build in builds.newest_first(paths):
        if build.status == "running" and build.pid and number in {None, build.number}:
            os.kill(build.pid, signal.SIGTERM)
            return build
    return None


def _begin(server: Server, paths: AppPaths, request: Request) -> tuple[Build, int]:
    wanted = Build(
        number=0,
        app=request.app,
        by=request.by,
        commit=request.commit,
        description=request.description,
        started_at=server.clock.stamp(),
        status="running",
        pid=0,
        config_names=tuple(sorted(records.read_config(paths.config))),
    )
    return builds.begin(paths, wanted, keep=server.settings.keep_builds)


class _Job(NamedTuple):
    """What the child does, how it gets ready for it, and where it records its end."""

    work: Work
    warm_up: Callable[[], object]
    entry: Entry | None
    untold: IO[bytes]
    """Takes what the log has no room for, on a full disk."""


def _work(server: Server, paths: AppPaths, build: Build, job: _Job, go: int) -> NoReturn:
    """The child: never returns, whatever happens."""
    status = 1
    try:
        _leave_session(records.build_log(paths, build.number))
        job.warm_up()
        os.read(go, 1)  # ends when the child is in a unit of its own, which its jobs are tied to
        os.close(go)
        build = replace(build, pid=os.getpid())
        records.write_build(paths, build)
        ended = _attempt(server, paths, build, job.work)
        records.write_build(paths, replace(ended, finished_at=server.clock.stamp()))
        if job.entry is not None:
            _record(job.entry, ended)
        status = ended.exit_code
    except Exception as error:  # noqa: BLE001 - nobody is above us; without this nothing is told
        told = _in_words(error, paths)
        status = told.exit_code
        Output(job.untold.write).error(told)
        job.untold.flush()
    finally:
        os._exit(status)


def _record(entry: Entry, ended: Build) -> None:
    entry.told = entry.told or ended.description
    release = f"v{ended.release}" if ended.release else ""
    entry.end(ended.exit_code, reason=ended.reason or "", release=release)


def _attempt(server: Server, paths: AppPaths, build: Build, work: Work) -> Build:
    config = records.read_config(paths.config)
    transcript = Transcript(1, records.build_log(paths, build.number), records.next_version(paths))
    secrets = secrets_of(config, server.address(paths.name))
    out = Output(transcript.write, secrets, transcript.belongs_to)
    try:
        release = work(out, build.number)
    except Exception as raised:  # noqa: BLE001 - the edge: the person and the record must hear of it
        error = _in_words(raised, paths)
        out.flush()
        out.error(error)
        if error.log:
            log = out.masked(error.log).rstrip("\n") + "\n"
            raw = log.encode("utf-8", "surrogateescape")
            files.write_atomically(records.boot_log(paths, build.number), raw, mode=0o600)
        status = "cancelled" if isinstance(error, CancelledError) else "failed"
        return replace(build, status=status, reason=error.reason, exit_code=error.exit_code)
    return replace(build, status="succeeded", release=release.version if release else None)


def _leave_session(log: Path) -> None:
    os.setsid()
    signal.signal(signal.SIGTERM, _on_term)
    null = os.open(os.devnull, os.O_RDONLY)
    out = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
    os.dup2(null, 0)
    os.dup2(out, 1)
    os.dup2(out, 2)


def _on_term(_number: int, _frame: FrameType | None) -> NoReturn:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # what is undone now is not interrupted again
    raise CancelledError(
        "The build was stopped before it came to its end.",
        advice="The release before it serves as it did. Push again when you like.",
    )


def _follow(
    paths: AppPaths, number: int, child: int, untold: IO[bytes], show: Callable[[bytes], object]
) -> int:
    from receiver.machine.watcher import follow_process  # noqa: PLC0415 - the child has no use for it

    shown = Filter(show)  # a fault of ship's own is written past the transcript
    follow_process(records.build_log(paths, number), child, shown)
    shown.end()
    _, wait_status = os.waitpid(child, 0)
    untold.seek(0)
    if words := untold.read():
        show(words)
        return os.waitstatus_to_exitcode(wait_status) if os.WIFEXITED(wait_status) else 1
    ended = records.read_build(paths, number)
    if ended is None or ended.status == "running":
        how = (
            "was killed" if os.WIFSIGNALED(wait_status) else "ended before it could say how it went"
        )
        show(
            (
                f"\n !     The process that did this {how}. What it began is undone by the next "
                "command.\n"
            ).encode()
        )
    return os.waitstatus_to_exitcode(wait_status) if os.WIFEXITED(wait_status) else 1


def _in_words(error: Exception, paths: AppPaths) -> ShipError:
    from receiver.machine import full_disk  # noqa: PLC0415 - only an error needs it

    return full_disk.in_words(error, (paths.home,), advice="The release before goes on serving.")

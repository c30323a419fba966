"""Runs a change of an app in a process of its own, which goes on when the one who asked hangs up.

The process that was started by a person forks; the child does the work and writes its transcript
into the build's log; the parent shows that log until the child ends, and takes over its exit code.
Forking, where starting anew would do as well, spares the import of everything a second time.
"""

import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import IO, NamedTuple, NoReturn

from msgspec.structs import replace

from receiver.access.audit import Entry
from receiver.machine import files
from receiver.model.errors import EXIT_FAILED, CancelledError, ShipError
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
    push: str = ""
    """What tells the push that asks from every other."""


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
    unit = f"ship-deploy.{request.app}.{build.number}"
    server.host.jobs.detach(unit, child, changes=request.app)
    os.close(went)
    with untold:
        return _follow(server, paths, build.number, child, untold, _until_gone(show))


def follow_again(server: Server, app: AppName, number: int, show: Callable[[bytes], object]) -> int:
    """Follow a build whose first follower was killed, to its end; returns its exit code.

    Args:
        server: the server
        app: the app
        number: the build
        show: takes what its transcript has from here on
    """
    from receiver.machine.watcher import follow_until  # noqa: PLC0415 - no push needs it that goes well

    paths = server.app(app)
    log, build = records.build_log(paths, number), records.read_build(paths, number)
    if build is not None and build.status != "running":
        return _verdict(server, paths, number, show)  # it has told that itself
    Output(show).warn(
        "The process that showed this was killed, and the deploy goes on without it. All that it"
        f" says:\n  ship builds:output {number} -a {app}"
    )
    shown = Filter(show)
    follow_until(log, lambda: builds.await_end(paths, number), shown, log.stat().st_size)
    shown.end()
    return _verdict(server, paths, number, show)


def of_push(server: Server, app: AppName, push: str) -> int | None:
    """The number of the build that a push asked for; None where it came to none."""
    found = builds.newest_first(server.app(app))
    return next((build.number for build in found if build.push == push), None)


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
        push=request.push,
        audit=request.entry.line.id if request.entry is not None else "",
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
    status, ended = 1, None
    try:
        _leave_session(records.build_log(paths, build.number))
        job.warm_up()
        os.read(go, 1)  # ends when the child is in a unit of its own, which its jobs are tied to
        os.close(go)
        build = replace(build, pid=os.getpid())
        records.write_build(paths, build)
        ended = _attempt(server, paths, build, job.work)
        status = ended.exit_code
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # it has ended
        if job.entry is not None:  # before its record, after which nobody looks whether it is
            _record(job.entry, ended)
        records.write_build(paths, replace(ended, finished_at=server.clock.stamp()))
    except Exception as error:  # noqa: BLE001 - nobody is above us; without this nothing is told
        told = _in_words(error, paths)
        status = told.exit_code if ended is None else ended.exit_code
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
    except Exception as error:  # noqa: BLE001 - the edge: the person and the record must hear of it
        stands = builds.as_stood(paths, build)
        if stands is None:
            return _failed(paths, build, out, error)
        # whatever came then, it is what visitors get
        what = f"v{stands.release} is live" if stands.release else "It is done"
        with suppress(OSError):
            out.warn(f"{what}. What was left to do was not done: {error}")
        return stands
    return replace(build, status="succeeded", release=release.version if release else None)


def _failed(paths: AppPaths, build: Build, out: Output, error: Exception) -> Build:
    told = _in_words(error, paths)
    out.flush()
    out.error(told)
    if told.log:
        log = out.masked(told.log).rstrip("\n") + "\n"
        raw = log.encode("utf-8", "surrogateescape")
        files.write_atomically(records.boot_log(paths, build.number), raw, mode=0o600)
    status = "cancelled" if isinstance(told, CancelledError) else "failed"
    return replace(build, status=status, reason=told.reason, exit_code=told.exit_code)


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
    server: Server,
    paths: AppPaths,
    number: int,
    child: int,
    untold: IO[bytes],
    show: Callable[[bytes], object],
) -> int:
    from receiver.machine.growth import follow_process  # noqa: PLC0415 - the child has no use for it

    shown = Filter(show)  # a fault of ship's own is written past the transcript
    follow_process(records.build_log(paths, number), child, shown)
    shown.end()
    _, wait_status = os.waitpid(child, 0)
    untold.seek(0)
    words = untold.read()
    if words:
        show(words)
    status = _verdict(server, paths, number, show, explained=bool(words))
    own = os.waitstatus_to_exitcode(wait_status)
    return own if status and words and own > 0 else status


def _verdict(
    server: Server,
    paths: AppPaths,
    number: int,
    show: Callable[[bytes], object],
    *,
    explained: bool = False,
) -> int:
    """The exit code of a build that nobody is at any more, by its record; by what it did, where it
    was killed, or failed, before it could say so.
    """
    ended = records.read_build(paths, number)
    is_over = ended is not None and ended.status != "running"
    # where that is left, who undid it was killed too, and had recorded its end before
    if ended is not None and is_over and records.unfinished_build(paths) != number:
        return ended.exit_code
    _undo_killed(server, paths, number, show)
    ended = builds.look(paths, number)
    if ended is None:
        return EXIT_FAILED
    from receiver.changes.recovery import note_end  # noqa: PLC0415 - as in `_undo_killed`

    out = Output(show)
    if ended.release is not None:
        out.warn(f"The process that did this was killed when v{ended.release} was live. It serves.")
    elif ended.status == "succeeded":
        out.warn("The process that did this was killed when all was done. It stands.")
    elif not explained:
        out.warn("The process that did this was killed. What it had begun is undone.")
    note_end(server, ended)
    with suppress(OSError):
        records.write_build(paths, replace(ended, finished_at=server.clock.stamp()))
    return ended.exit_code


def _undo_killed(
    server: Server, paths: AppPaths, number: int, show: Callable[[bytes], object]
) -> None:
    from receiver.changes.recovery import recover_killed  # noqa: PLC0415 - no push needs it that goes well

    try:
        recover_killed(server, paths.name, number)
    except (ShipError, OSError) as error:
        Output(show).warn(f"What it had begun could not be undone: {error}")


def _until_gone(show: Callable[[bytes], object]) -> Callable[[bytes], object]:
    """Show until nobody reads it any more; following goes on for what comes at the end."""
    reads = True

    def shown(data: bytes) -> None:
        nonlocal reads
        try:
            if reads:
                show(data)
        except OSError:
            reads = False

    return shown


def _in_words(error: Exception, paths: AppPaths) -> ShipError:
    from receiver.machine import full_disk  # noqa: PLC0415 - only an error needs it

    return full_disk.in_words(error, (paths.home,), advice="The release before goes on serving.")

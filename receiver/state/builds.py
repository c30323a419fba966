"""The attempts to make a release, as they are kept: begun, looked at, and cleared away when
there are many.

Whoever does a build holds its log locked for as long as it lives. So nobody takes the record of a
process that was killed for a running build, or another process that was given its id for it.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from msgspec.structs import replace

from receiver.machine import files
from receiver.model.errors import EXIT_CODES, ServerError, ShipError
from receiver.model.layout import AppPaths
from receiver.model.release import Build
from receiver.planner.retention import old_builds
from receiver.state import records, transcripts

_INTERRUPTED = "build/interrupted"


def begin(paths: AppPaths, wanted: Build, *, keep: int) -> tuple[Build, int]:
    """Give a build its number, its record and its log.

    Returns:
        the build, and the descriptor by which this process, and those forked from it, hold it
    """
    with files.locked_file(paths.builds / ".lock"):
        numbers = records.build_numbers(paths)
        build = replace(wanted, number=max([*numbers, _last_attempt(paths)]) + 1)
        held = os.open(
            records.build_log(paths, build.number), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600
        )
        fcntl.flock(held, fcntl.LOCK_EX)
        records.write_build(paths, build)
        if len(numbers) >= keep:
            _clear(paths, [*numbers, build.number], keep)
    return build, held


def look(paths: AppPaths, number: int) -> Build | None:
    """A build as it stands now; one whose process was killed has failed, unless what it made was
    live by then.
    """
    build = records.read_build(paths, number)
    if build is None or build.status != "running" or _is_held(records.build_log(paths, number)):
        return build
    ended = records.read_build(paths, number)  # it may have come to its end between the two looks
    if ended is None or ended.status != "running":
        return ended
    return as_stood(paths, ended) or interrupted(ended)


def as_stood(paths: AppPaths, build: Build) -> Build | None:
    """The record of a build that had not said how it ended, if what it did stands."""
    # asked before the record: who undoes a change writes so there, and removes the journal then
    unfinished = records.unfinished_build(paths) == build.number
    version = stood(paths, build.number)
    found = records.read_build(paths, build.number)
    done = found is not None and found.status == "running" and found.done and not unfinished
    return replace(build, status="succeeded", release=version) if version or done else None


def note_done(paths: AppPaths, number: int) -> None:
    """Record of a build that makes no release that all is done: nothing but its journal is left."""
    found = records.read_build(paths, number)
    if found is not None:
        records.write_build(paths, replace(found, done=True))


def stood(paths: AppPaths, number: int) -> int | None:
    """The release that a build made live, by what is on the disk; None where it did not.

    This is what counts, whatever became of the process afterwards.
    """
    live = records.read_live(paths)
    if live is None or records.unfinished_build(paths) == number:
        return None
    for release in reversed(list(records.readable_releases(paths))):
        # what is newer than the live one was never live
        if release.version <= live.release and release.attempt == number:
            return release.version
    return None


def interrupted(build: Build) -> Build:
    """The record of a build whose process was killed."""
    return replace(build, status="failed", reason=_INTERRUPTED, exit_code=EXIT_CODES["build"])


def newest_first(paths: AppPaths) -> Iterator[Build]:
    """All builds that are kept, but for those whose record is damaged."""
    for number in reversed(records.build_numbers(paths)):
        build = None
        with suppress(ServerError):
            build = look(paths, number)
        if build is not None:
            yield build


def await_end(paths: AppPaths, number: int) -> None:
    """Wait until nobody is at work on a build."""
    fd = os.open(records.build_log(paths, number), os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(fd, fcntl.LOCK_SH)
    finally:
        os.close(fd)


def _is_held(log: Path) -> bool:
    try:
        fd = os.open(log, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False


def _last_attempt(paths: AppPaths) -> int:
    """The build that made the newest release. By its number a release is known for its own, also
    where somebody removed the records of builds.
    """
    for version in reversed(records.release_versions(paths)):
        with suppress(ShipError):
            return records.read_release(paths, version).attempt or 0
    return 0


def _clear(paths: AppPaths, numbers: list[int], keep: int) -> None:
    """Remove what is kept of old builds, but for those that made a release which is kept."""
    releases = records.readable_releases(paths)
    made = {release.build for release in releases if release.build is not None}
    for number in old_builds(numbers, made, keep=keep):
        (paths.builds / f"{number}.json").unlink(missing_ok=True)
        log = records.build_log(paths, number)
        for path in (log, transcripts.times_file(log)):
            path.unlink(missing_ok=True)
        records.boot_log(paths, number).unlink(missing_ok=True)

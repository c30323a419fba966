"""The transcripts of an app's builds as lines of its log, and what ship did: when each began,
and how it ended.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from functools import partial
from pathlib import Path

from receiver.machine.log_files import (
    FileLog,
    FileLogs,
    Place,
    Positions,
    Told,
    in_order,
    newest_first,
)
from receiver.model.errors import ShipError
from receiver.model.layout import AppPaths
from receiver.model.log_line import LogLine, microseconds
from receiver.model.release import Build
from receiver.state import builds, records
from receiver.state.transcripts import Rows

_SECOND_US = 1_000_000
_BEGUN, _ENDED = 1, 2


def transcripts(paths: AppPaths) -> FileLogs:
    """What builds and release phases said."""
    return FileLogs("build", partial(_find, paths, {}), (paths.builds,))


class Deeds:
    """What was done to an app: a line when a build begins, and one when it ends."""

    def __init__(self, paths: AppPaths) -> None:
        self._paths = paths
        self.folders: tuple[Path, ...] = (paths.builds,)

    def end(self) -> Positions:
        """Behind what was done already."""
        found = ((build, _lines(self._paths, build)) for build in self._builds())
        return {_key(build): Place(0, len(lines), lines[-1].at_us) for build, lines in found}

    def before(self, positions: Positions | None, until_us: int | None = None) -> Iterator[LogLine]:
        """What was done, the last first."""
        told = (
            reversed(_lines(self._paths, build)[: _told_of(positions, build)])
            for build in self._builds()
        )
        return (line for line in newest_first(told) if until_us is None or line.at_us <= until_us)

    def after(self, positions: Positions) -> Iterator[Told]:
        """What was done since."""
        return in_order([self._since(build, positions) for build in self._builds()])

    def listen(self, wake: Callable[[], object]) -> None:
        """The folder tells."""

    def close(self) -> None:
        """Nothing is open."""

    def _since(self, build: Build, positions: Positions) -> Iterator[Told]:
        told = _told_of(positions, build)
        for number, line in enumerate(_lines(self._paths, build)[told:], told + 1):
            yield Told(line, _key(build), Place(0, number, line.at_us))

    def _builds(self) -> Iterator[Build]:
        return builds.newest_first(self._paths)


def _told_of(positions: Positions | None, build: Build) -> int:
    """How many of the two lines of a build were read already; without positions, both."""
    if positions is None:
        return _ENDED
    place = positions.get(_key(build))
    return place.offset if isinstance(place, Place) else 0


def _lines(paths: AppPaths, build: Build) -> list[LogLine]:
    """The two lines of a build; one while it goes on."""
    rows = Rows(records.build_log(paths, build.number), _at_us(build.started_at))
    lines = [_line(rows.first_us, f"{build.description} begins (by {build.by})", None)]
    if build.status != "running":
        ended_us = max(rows.last_us, _at_us(build.finished_at or build.started_at)) + 1
        lines.append(_line(ended_us, _outcome(paths, build), build.release))
    return lines


def _outcome(paths: AppPaths, build: Build) -> str:
    if build.release is not None:
        how = "live" if _is_served(paths, build.release) else "deployed"
        return f"v{build.release} is {how} (by {build.by})"
    if build.status == "succeeded":
        return f"{build.description} is done (by {build.by})"
    why = f": {build.reason}" if build.reason else ""
    return (
        f"{build.description} {build.status}{why} (by {build.by}; ship builds:output "
        f"{build.number})"
    )


def _is_served(paths: AppPaths, version: int) -> bool:
    """Whether a release has anything for visitors; of one that is gone, it is assumed."""
    with suppress(ShipError):
        return records.read_release(paths, version).served != "nothing"
    return True


def _line(at_us: int, text: str, release: int | None) -> LogLine:
    return LogLine(at_us, "ship", "", text.encode("utf-8", "surrogateescape"), release)


def _key(build: Build) -> str:
    return f"ship/{build.number}"


def _find(paths: AppPaths, known: dict[int, tuple[FileLog, Rows]]) -> Mapping[str, FileLog]:
    """The transcripts that there are; the record of a build that has ended is read once."""
    found: dict[str, FileLog] = {}
    for number in records.build_numbers(paths):
        log, rows = known.get(number, (None, None))
        if log is None or not log.ended:
            build = builds.look(paths, number)
            if build is None:
                continue
            log, rows = _log(paths, build, rows)
            known[number] = log, rows
        found[str(number)] = log
    return found


def _log(paths: AppPaths, build: Build, rows: Rows | None) -> tuple[FileLog, Rows]:
    log = records.build_log(paths, build.number)
    rows = rows or Rows(log, _at_us(build.started_at))
    return FileLog(log, partial(_parse, build, rows), ended=build.status != "running"), rows


def _parse(build: Build, rows: Rows, offset: int, raw: bytes) -> LogLine:
    row = rows.at(offset)
    going_on = build.status == "running"
    release = build.release or (row.version if going_on else 0) or None
    process = f"v{release}" if release else str(build.number)
    return LogLine(row.at_us, row.source, process, raw, release)


def _at_us(stamp: str) -> int:
    return microseconds(datetime.fromisoformat(stamp))

"""The log of an app as one stream, in order of time: its processes, nginx, builds, release
phases, cron jobs, ship.

Whoever reads on later keeps the cursor, a text that says up to where each part was read. Nothing is
lost between two readings, and nothing comes twice, also where files were rotated in between.
"""

import json
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice, takewhile

import msgspec

from receiver.logs import audit_logs, build_logs, router_logs, run_logs
from receiver.machine import files
from receiver.machine.log_files import Log, Place, Positions, in_order, newest_first
from receiver.model.log_line import SOURCES, LogLine, Source
from receiver.model.names import AppName
from receiver.server import Server


def _any(_: bytes) -> bool:
    return True


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which lines somebody wants."""

    sources: frozenset[Source] = frozenset(SOURCES)
    runs: bool = True
    """Whether runs of people are among it: they may print what not everybody is to see."""
    process: str | None = None
    """A type or one process of it, such as `worker` or `worker.1`."""
    release: int | None = None
    since_us: int = 0
    until_us: int | None = None
    matches: Callable[[bytes], object] = _any
    """Whether a text is wanted."""

    def fits(self, line: LogLine) -> bool:
        """Whether a line is wanted."""
        return (
            line.source in self.sources
            and self.process in {None, line.process, line.process.rpartition(".")[0]}
            and self.release in {None, line.release}
            and line.at_us >= self.since_us
            and (self.until_us is None or line.at_us <= self.until_us)
            and bool(self.matches(line.text))
        )


EVERYTHING = Wanted()


class Stream:
    """An app's log from a moment on, and what came before it."""

    def __init__(
        self, server: Server, app: AppName, wanted: Wanted = EVERYTHING, cursor: str | None = None
    ) -> None:
        """Stand at the end of what there is now, or where a cursor says.

        Args:
            server: the server
            app: the app
            wanted: which of its lines
            cursor: where an earlier stream of the same app stood

        Raises:
            ValueError: that is no cursor
        """
        self._paths = server.app(app)
        self._wanted = wanted
        self._logs = _logs(server, app, wanted)
        self._positions = _ends(self._logs) if cursor is None else _read(cursor)

    @property
    def cursor(self) -> str:
        """Up to where lines were taken; a stream that is given it goes on behind them."""
        return json.dumps(self._positions, separators=(",", ":"))

    def before(self, lines: int) -> list[LogLine]:
        """The last lines before the place where the stream stands, oldest first."""
        return _last(self._logs, self._wanted, self._positions, lines)

    def follow(self) -> Iterator[LogLine]:
        """What has come since, and what comes; ends when the app is gone."""
        from receiver.machine import watcher  # noqa: PLC0415 - costs as much as three starts of Python

        if not self._paths.runs.exists():  # a drain may look at it, and change nothing
            files.make_folder(self._paths.runs, mode=0o700)
        folders = {folder for log in self._logs for folder in log.folders}
        with watcher.changes(folders, partial(_concerns, self._paths.name)) as looks:
            try:
                for log in self._logs:
                    log.listen(looks.wake)
                while self._paths.settings.exists():
                    yield from self._new()
                    looks.wait()
            finally:
                for log in self._logs:
                    log.close()

    def _new(self) -> Iterator[LogLine]:
        for told in in_order([log.after(self._positions) for log in self._logs]):
            self._positions[told.key] = told.position
            if self._wanted.fits(told.line):
                yield told.line


def recent(server: Server, app: AppName, wanted: Wanted, lines: int) -> list[LogLine]:
    """The last lines that are wanted, oldest first."""
    return _last(_logs(server, app, wanted), wanted, None, lines)


def _last(
    logs: list[Log], wanted: Wanted, positions: Positions | None, lines: int
) -> list[LogLine]:
    told = [
        takewhile(
            lambda line: line.at_us >= wanted.since_us, log.before(positions, wanted.until_us)
        )
        for log in logs
    ]
    return list(islice(filter(wanted.fits, newest_first(told)), lines))[::-1]


def _logs(server: Server, app: AppName, wanted: Wanted) -> list[Log]:
    """What has to be read for the wanted sources."""
    paths, sources = server.app(app), wanted.sources
    found: list[Log] = []
    if "app" in sources:
        found.append(server.engine.log(app))
    if sources & {"app", "cron"}:
        found.append(run_logs.run_log(paths, of_people=wanted.runs))
    if "router" in sources:
        found.append(router_logs.router_log(server, app))
    if sources & {"build", "release"}:
        found.append(build_logs.transcripts(paths))
    if "ship" in sources:
        found += [build_logs.Deeds(paths), audit_logs.deeds(server.layout, app)]
    return found


def _ends(logs: list[Log]) -> dict[str, Place | str]:
    return {key: place for log in logs for key, place in log.end().items()}


def _read(cursor: str) -> dict[str, Place | str]:
    """Positions as the text of a cursor has them."""
    try:
        found: dict[str, str | list[int]] = json.loads(cursor)
        return {
            key: position if isinstance(position, str) else Place(*position)
            for key, position in found.items()
        }
    except (AttributeError, TypeError) as error:
        raise ValueError(cursor) from error


def _concerns(app: AppName, path: str) -> bool:
    """Whether a changed file is of this app: nginx's logs of all apps lie in one folder."""
    name = path.rpartition("/")[2]
    return not name.startswith("ship-") or name.startswith(f"ship-{app}.")

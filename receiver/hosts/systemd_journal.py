"""What apps write under systemd: entries of its journal. The only user of `journalctl` for an app's log."""

import json
import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from receiver import shell
from receiver.log_files import Place, Positions, Told
from receiver.model.log_line import LogLine
from receiver.planner import journal
from receiver.release_times import ReleaseTimes

_KEY = "journal"
_MOST_WAITING = 10_000
"""Entries in memory; what follows waits in the journal."""
_OUTPUT = ("--quiet", "--all", "--output=json", f"--output-fields={journal.FIELDS}")


class JournalLog:
    """The lines of one app: those of its account, and what systemd says of its processes."""

    folders: tuple[Path, ...] = ()

    def __init__(
        self, matches: tuple[str, ...], units: str, since_us: int, releases: ReleaseTimes
    ) -> None:
        """Made for one app.

        Args:
            matches: what `journalctl` picks entries by
            units: how the names of its units begin
            since_us: when the app was made; what is older belongs to one that had its name, or its account
            releases: by what a line is of a release
        """
        self._matches = matches
        self._units = units
        self._since_us = since_us
        self._releases = releases
        self._entries: queue.Queue[bytes] = queue.Queue(_MOST_WAITING)
        self._following: shell.Process | None = None
        self._wake: Callable[[], object] | None = None

    def end(self) -> Positions:
        """Behind the newest entry of all."""
        argv = ("journalctl", "--quiet", "--lines=1", "--output=export", "--output-fields=_PID")
        said = shell.capture(argv)
        cursors = [line for line in said.splitlines() if line.startswith(b"__CURSOR=")]
        return {_KEY: cursors[0].partition(b"=")[2].decode()} if cursors else {}

    def before(self, positions: Positions | None, until_us: int | None = None) -> Iterator[LogLine]:
        """Entries, newest first; up to a position, or to a time."""
        cursor = (positions or {}).get(_KEY)
        if positions is not None and cursor is None:
            return  # the journal was empty
        upto = (f"--cursor={cursor}",) if cursor else ()
        if until_us is not None:
            seconds, rest = divmod(until_us, 1_000_000)
            upto = (f"--until=@{seconds}.{rest:06}",)
        running = self._start("--reverse", *upto)
        try:
            for told in map(self._told, running.stdout or ()):
                if told is None:
                    continue
                if told.line.at_us < self._since_us:
                    return
                yield told.line
        finally:
            _end(running)

    def after(self, positions: Positions) -> Iterator[Told]:
        """What came since: at first what the journal holds, from then on what journalctl tells."""
        if self._following is None:
            yield from self._held(positions.get(_KEY))
        with suppress(queue.Empty):
            while True:
                told = self._told(self._entries.get_nowait())
                if told is not None:
                    yield told

    def listen(self, wake: Callable[[], object]) -> None:
        """Follow from where the first `after` ends."""
        self._wake = wake

    def close(self) -> None:
        """End journalctl."""
        if self._following is not None:
            _end(self._following)
            self._following = None

    def _held(self, cursor: Place | str | None) -> Iterator[Told]:
        """All entries behind a cursor; then what comes behind the last of them is listened for."""
        running = self._start(*_behind(cursor))
        last = b""
        try:
            for last in running.stdout or ():
                told = self._told(last)
                if told is not None:
                    yield told
        finally:
            _end(running)
        cursor = _cursor(last) or cursor
        if self._wake is not None:
            self._following = self._start("--follow", "--no-tail", *_behind(cursor))
            pump = threading.Thread(target=self._pump, args=(self._following, self._wake))
            pump.daemon = True
            pump.start()

    def _start(self, *words: str) -> shell.Process:
        argv = ("journalctl", *_OUTPUT, *words, *self._matches)
        return shell.start(argv, env=shell.PLAIN_ENVIRONMENT)

    def _pump(self, running: shell.Process, wake: Callable[[], object]) -> None:
        with suppress(ValueError, OSError):  # it was closed
            for entry in running.stdout or ():
                self._entries.put(entry)
                wake()

    def _told(self, raw: bytes) -> Told | None:
        with suppress(ValueError):  # what journalctl says of a damaged file is no entry
            entry = journal.entry_of(raw)
            # of systemd's words all apps' are read; what the account wrote is the app's, whatever its name was then
            if entry is not None and (
                not entry.said_by_systemd or entry.unit.startswith(self._units)
            ):
                release = self._releases.at(entry.part, entry.line.at_us)
                return Told(replace(entry.line, release=release), _KEY, entry.cursor)
        return None


def app_matches(uid: int) -> tuple[str, ...]:
    """Entries of an account, of systemd on processes that failed, and of the journal on what it left out."""
    kinds = (f"MESSAGE_ID={kind}" for kind in journal.TELLING)
    dropped = (f"MESSAGE_ID={journal.DROPPED}", f"OBJECT_UID={uid}")
    return (f"_UID={uid}", "+", "_PID=1", *kinds, "+", *dropped)


def _behind(cursor: Place | str | None) -> tuple[str, ...]:
    return (f"--after-cursor={cursor}",) if cursor else ()


def _cursor(raw: bytes) -> str | None:
    with suppress(ValueError):
        found: str | None = json.loads(raw).get("__CURSOR")
        return found
    return None


def _end(running: shell.Process) -> None:
    running.kill()
    running.wait()
    if running.stdout is not None:
        with suppress(OSError):
            running.stdout.close()

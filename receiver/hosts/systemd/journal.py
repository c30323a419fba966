"""What apps write under systemd: entries of its journal.

The only user of `journalctl` for an app's log.
"""

import json
import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from msgspec.structs import replace

from receiver.hosts.systemd import journal_entries as journal
from receiver.hosts.systemd.manager import stop_units
from receiver.hosts.systemd.units import journal as journal_name
from receiver.hosts.systemd.units import journal_units
from receiver.machine import files, shell
from receiver.machine.log_files import Place, Positions, Told
from receiver.model.errors import ServerError
from receiver.model.log_line import LogLine
from receiver.model.names import AppName
from receiver.state.release_times import ReleaseTimes

_KEY = "journal"
_JOURNALS = Path("/var/log/journal")
_MOST_WAITING = 10_000
"""Entries in memory; what follows waits in the journal."""
_OUTPUT = ("--quiet", "--all", "--output=json", f"--output-fields={journal.FIELDS}")


class JournalLog:
    """The lines of one app: those of its account, and what systemd says of its processes."""

    folders: tuple[Path, ...] = ()

    def __init__(
        self, app: AppName, matches: tuple[str, ...], since_us: int, releases: ReleaseTimes
    ) -> None:
        """Made for one app.

        Args:
            app: the app
            matches: what `journalctl` picks entries by
            since_us: when the app was made; what is older belongs to one that had its
                name, or its account
            releases: by what a line is of a release
        """
        self._app = app
        self._matches = (*of(app), *matches)
        self._units = f"ship-{app}."
        self._since_us = since_us
        self._releases = releases
        self._entries: queue.Queue[bytes] = queue.Queue(_MOST_WAITING)
        self._following: shell.Process | None = None
        self._wake: Callable[[], object] | None = None

    def end(self) -> Positions:
        """Behind the newest entry of the app: after a cursor that fits no match, journalctl
        leaves out the next that does.
        """
        wanted = ("--quiet", "--lines=1", "--output=export", "--output-fields=_PID")
        said = shell.capture(("journalctl", *wanted, *self._matches))
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
        elif self._following.poll() is not None and self._entries.empty():
            raise _ended()
        with suppress(queue.Empty):
            while True:
                told = self._told(self._entries.get_nowait())
                if told is not None:
                    yield told

    def listen(self, wake: Callable[[], object]) -> None:
        """Follow from where the first `after` ends."""
        _make_folder(self._app)
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
            running.wait()
            wake()  # it should not have ended: whoever looks finds that out

    def _told(self, raw: bytes) -> Told | None:
        with suppress(ValueError):  # what journalctl says of a damaged file is no entry
            entry = journal.entry_of(raw)
            # of systemd's words all apps' are read; what the account wrote is the app's, whatever
            # its name was then
            if entry is not None and (
                not entry.said_by_systemd or entry.unit.startswith(self._units)
            ):
                release = self._releases.at(entry.part, entry.line.at_us)
                return Told(replace(entry.line, release=release), _KEY, entry.cursor)
        return None


def of(app: AppName) -> tuple[str]:
    """Has journalctl read the app's own journal, and the machine's, in which systemd writes and
    older lines are.
    """
    return (f"--namespace=+{journal_name(app)}",)


def remove(app: AppName) -> None:
    """Remove what an app wrote. Nothing of it may run."""
    stop_units(*journal_units(app))
    for folder in _folders(app):
        files.remove_tree(folder)


def rename(app: AppName, new: AppName) -> None:
    """Have what an app wrote belong to it under its new name. Nothing of it may run."""
    stop_units(*journal_units(app), *journal_units(new))
    for folder in _folders(app):
        files.remove_tree(folder.with_suffix(f".{journal_name(new)}"))
        folder.rename(folder.with_suffix(f".{journal_name(new)}"))


def _make_folder(app: AppName) -> None:
    """Have the folder be there before anything is in it: journalctl does not see one that comes
    while it follows.
    """
    machine = Path("/etc/machine-id").read_text(encoding="ascii").strip()
    if _JOURNALS.is_dir():
        (_JOURNALS / f"{machine}.{journal_name(app)}").mkdir(mode=0o755, exist_ok=True)


def _folders(app: AppName) -> list[Path]:
    """Where the journal of an app is: one folder, named after the machine."""
    return list(_JOURNALS.glob(f"*.{journal_name(app)}"))


def app_matches(uid: int) -> tuple[str, ...]:
    """Entries of an account, of systemd on processes that failed, and of the journal on what it
    left out.
    """
    dropped = (journal.BY_JOURNAL, f"MESSAGE_ID={journal.DROPPED}", f"OBJECT_UID={uid}")
    return (f"_UID={uid}", "+", "_PID=1", *journal.TELLING, "+", *dropped)


def _behind(cursor: Place | str | None) -> tuple[str, ...]:
    return (f"--after-cursor={cursor}",) if cursor else ()


def _cursor(raw: bytes) -> str | None:
    with suppress(ValueError):
        found: str | None = json.loads(raw).get("__CURSOR")
        return found
    return None


def _ended() -> ServerError:
    return ServerError(
        "journalctl ended, which should follow what the app writes.",
        advice="Try once more; if that is no help, `journalctl --verify` tells of damaged files.",
        reason="server/journal-ended",
    )


def _end(running: shell.Process) -> None:
    running.kill()
    running.wait()
    if running.stdout is not None:
        with suppress(OSError):
            running.stdout.close()

"""The records of an app's runs, and what the runs wrote.

Nothing here is written by the app's own account.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from msgspec.structs import replace

from receiver.machine import files, lifetimes
from receiver.machine.clock import now_us
from receiver.model.errors import NotFoundError
from receiver.model.layout import AppPaths
from receiver.model.log_line import Stamper, Unstamper
from receiver.model.run import Run
from receiver.state import records

_KEPT = 50
"""How many ended runs are kept: of each cron job, and of the detached ones."""
_LOG_BYTES = 1024 * 1024
_READ_BYTES = 65_536
_DROPPED = b"ship: The output before this is not kept: it was too long.\n"


@contextmanager
def locked(paths: AppPaths) -> Iterator[None]:
    """Hold the lock under which runs get their numbers, and releases lose their files."""
    files.make_folder(paths.runs, mode=0o700)
    with files.locked_file(paths.runs / ".lock"):
        yield


def every(paths: AppPaths) -> list[Run]:
    """All runs that are on record, oldest first."""
    found = (records.read_json(path, Run) for path in paths.runs.glob("*.json"))
    settled = (_settled(run) for run in found if run is not None)
    return sorted(settled, key=lambda run: run.number)


def going_on(paths: AppPaths) -> list[Run]:
    """Runs that have not ended, oldest first."""
    return [run for run in every(paths) if run.status == "running"]


def of_job(paths: AppPaths, job: str) -> list[Run]:
    """Runs of a cron job, oldest first."""
    return [run for run in every(paths) if run.job == job]


def find(paths: AppPaths, number: int) -> Run:
    """The run of this number.

    Raises:
        NotFoundError: it never was, or is not on record any more
    """
    found = records.read_json(record(paths, number), Run)
    if found is None:
        raise NotFoundError(
            f"{paths.name} has no run.{number} on record.",
            detail=f"Kept are the last {_KEPT} detached runs, and as many of each cron job.",
            advice="`ship run:list` lists the runs that go on, `ship cron:history` those of cron "
            "jobs.",
            reason="not-found/run",
        )
    return _settled(found)


def next_number(paths: AppPaths) -> int:
    """A number that no run had. The caller holds the lock."""
    counter = paths.runs / "last"
    number = int(files.read_text(counter) or 0) + 1
    files.write_atomically(counter, f"{number}\n", mode=0o600)
    return number


def write(paths: AppPaths, run: Run) -> None:
    records.write_json(record(paths, run.number), run, mode=0o600)


def remove(paths: AppPaths, run: Run) -> None:
    files.remove(record(paths, run.number))
    log(paths, run.number).unlink(missing_ok=True)


def log(paths: AppPaths, number: int) -> Path:
    """Where the output of a run is kept."""
    return paths.runs / f"{number}.log"


def prune(paths: AppPaths) -> None:
    """Forget what is too old to be kept, and runs at a terminal that lost it."""
    kept: dict[str | None, int] = {}
    for run in reversed(every(paths)):
        if run.status == "running":
            continue
        kept[run.job] = kept.get(run.job, 0) + 1
        if kept[run.job] > _KEPT or not (run.detached or run.job):
            remove(paths, run)


def output(paths: AppPaths, number: int) -> Iterator[bytes]:
    """What a run wrote, in pieces, without the times that are kept with it."""
    kept, plain = log(paths, number), Unstamper()
    if not kept.exists():
        return
    with kept.open("rb") as handle:
        while chunk := handle.read(_READ_BYTES):
            yield plain(chunk)
    yield plain.rest()


class Log:
    """A run's output on disk, with the time of each line: all of it up to a size, then the last
    part.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamper = Stamper(now_us)
        self._fd = files.open_log(path)

    def write(self, chunk: bytes) -> None:
        """Keep what came."""
        os.write(self._fd, self._stamper(chunk))
        if os.fstat(self._fd).st_size > _LOG_BYTES:
            self._drop_first_half()

    def close(self) -> None:
        os.close(self._fd)

    def _drop_first_half(self) -> None:
        size = os.fstat(self._fd).st_size
        last = os.pread(self._fd, _LOG_BYTES // 2, size - _LOG_BYTES // 2)
        os.close(self._fd)
        files.write_atomically(self._path, _DROPPED + last.partition(b"\n")[2], mode=0o600)
        self._fd = files.open_log(self._path)


def record(paths: AppPaths, number: int) -> Path:
    return paths.runs / f"{number}.json"


def _settled(run: Run) -> Run:
    """The run as it is: one that nobody looks after any more was interrupted."""
    if run.status == "running" and not lifetimes.lives(run.pid, run.birth):
        return replace(run, status="interrupted")
    return run

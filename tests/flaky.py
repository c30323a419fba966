"""Which failed tests make a run fail: the decision, and the list of flaky tests (flaky.toml)."""

import re
import tomllib
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

LIST = Path(__file__).with_name("flaky.toml")
PROJECT = Path(__file__).parents[1]
LONGEST = timedelta(days=60)


@dataclass(frozen=True)
class Flaky:
    """An entry of the list."""

    test: str
    since: date
    reason: str

    def covers(self, test: str) -> bool:
        return test == self.test or test.startswith(f"{self.test}[")


def listed(path: Path = LIST) -> tuple[Flaky, ...]:
    entries = tomllib.loads(path.read_text()).get("flaky", [])
    return tuple(Flaky(**entry) for entry in entries)


def failures(
    first: Iterable[str], again: Collection[str], known: Iterable[Flaky], *, strict: bool
) -> tuple[str, ...]:
    """Of the tests that failed at first, those that fail the run; `again` failed twice.

    Where `strict` holds, a test that passed the second time is excused by an entry of the list
    only.
    """
    known = tuple(known)

    def is_excused(test: str) -> bool:
        return not strict or any(entry.covers(test) for entry in known)

    return tuple(test for test in first if test in again or not is_excused(test))


def complaints(known: Iterable[Flaky], today: date, project: Path = PROJECT) -> Iterator[str]:
    """What is wrong with entries of the list."""
    for entry in known:
        if not _exists(entry.test, project):
            yield f"{entry.test}: there is no such test."
        if not entry.reason.strip():
            yield f"{entry.test}: the reason is missing."
        if entry.since > today:
            yield f"{entry.test}: {entry.since} is in the future."
        if today - entry.since > LONGEST:
            yield f"{entry.test}: listed since {entry.since}. Repair it, or look again."


def _exists(test: str, project: Path) -> bool:
    file, *_, function = test.partition("[")[0].split("::")
    path = project / file
    return (
        path.is_file() and re.search(rf"def {re.escape(function)}\(", path.read_text()) is not None
    )

"""The list of flaky tests is short-lived, and decides what fails a run."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from tests import flaky
from tests.flaky import Flaky

KNOWN = Flaky("tests/test_a.py::test_known", date(2026, 1, 1), "The clock of the machine jumps.")
ONCE, TWICE = "tests/test_a.py::test_once", "tests/test_a.py::test_twice"
LISTED = ("tests/test_a.py::test_known[one]", "tests/test_a.py::test_known")


def test_the_list_is_in_order() -> None:
    assert list(flaky.complaints(flaky.listed(), datetime.now(tz=UTC).date())) == []


@pytest.mark.parametrize(
    ("strict", "failed"), [(True, (ONCE, TWICE)), (False, (TWICE,))], ids=["CI", "laptop"]
)
def test_what_passes_the_second_time_is_excused_by_the_list(
    strict: bool, failed: tuple[str, ...]
) -> None:
    first = (ONCE, *LISTED, TWICE)
    assert flaky.failures(first, {TWICE}, [KNOWN], strict=strict) == failed


@pytest.mark.parametrize("strict", [True, False])
def test_what_fails_twice_is_excused_by_nothing(strict: bool) -> None:
    assert flaky.failures(LISTED, LISTED, [KNOWN], strict=strict) == LISTED


def test_an_entry_covers_no_test_with_a_longer_name() -> None:
    longer = f"{KNOWN.test}_too"
    assert flaky.failures([longer], (), [KNOWN], strict=True) == (longer,)


@pytest.mark.parametrize(
    ("entry", "complaint"),
    [
        (Flaky("tests/test_a.py::test_known", date(2026, 3, 2), "A reason."), None),
        (Flaky("tests/test_a.py::test_known", date(2026, 3, 1), "A reason."), "Repair it"),
        (Flaky("tests/test_a.py::test_known", date(2026, 5, 2), "A reason."), "in the future"),
        (Flaky("tests/test_a.py::test_known", date(2026, 5, 1), " "), "the reason is missing"),
        (Flaky("tests/test_a.py::test_gone", date(2026, 5, 1), "A reason."), "no such test"),
        (Flaky("tests/test_gone.py::test_known", date(2026, 5, 1), "A reason."), "no such test"),
    ],
    ids=["good", "old", "future", "no-reason", "no-test", "no-file"],
)
def test_an_entry_names_a_test_a_reason_and_a_day_that_is_near(
    tmp_path: Path, entry: Flaky, complaint: str | None
) -> None:
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests/test_a.py").write_text("def test_known() -> None: ...\n")
    found = list(flaky.complaints([entry], date(2026, 5, 1), tmp_path))
    assert len(found) == (complaint is not None)
    assert all(str(complaint) in text for text in found)


def test_a_list_is_read(tmp_path: Path) -> None:
    path = tmp_path / "flaky.toml"
    entry = f'test = "{KNOWN.test}"\nsince = {KNOWN.since}\nreason = "{KNOWN.reason}"\n'
    path.write_text(f"[[flaky]]\n{entry}")
    assert flaky.listed(path) == (KNOWN,)

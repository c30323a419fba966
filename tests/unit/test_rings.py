"""A run of all rings: what it counts, what fails it, and how pytest tells it."""

import io
import json
import sys
from datetime import date
from pathlib import Path

import pytest

from tests import flaky, order, rings
from tests.outcome import Outcome, Recorder
from tests.rings import UNIT, Lane, Result, closing_line


class Scripted(Lane):
    """A lane whose programs end as a test says: an exit status and an outcome each."""

    def __init__(self, *ends: tuple[int, Outcome | None], strict: bool = False) -> None:
        self.said = io.StringIO()
        super().__init__(self.said, strict=strict)
        self.ends = list(ends)
        self.seen: list[tuple[str, ...]] = []

    def run(self, argv):
        self.seen.append(tuple(argv))
        status, outcome = self.ends.pop(0)
        if outcome is not None:
            Path(argv[argv.index("--outcome") + 1]).write_text(json.dumps(vars(outcome)))
        return status


GOOD = Outcome(passed=["a", "b"], skipped=["c"])
ONE_FAILED = Outcome(passed=["a"], failed=["b"], skipped=["c"])


def test_what_is_good_is_not_tried_again() -> None:
    lane = Scripted((0, GOOD))
    result = lane.try_ring(UNIT)
    assert result.is_good
    assert len(lane.seen) == 1
    assert closing_line([result, result]) == "4 passed, 0 failed, 2 skipped"


@pytest.mark.parametrize("strict", [True, False])
def test_what_failed_once_fails_the_run_in_ci_only(strict: bool) -> None:
    lane = Scripted((1, ONE_FAILED), (0, Outcome(passed=["b"])), strict=strict)
    result = lane.try_ring(UNIT)
    assert lane.seen[1][-1] == "b"
    assert result.is_good is not strict
    counted = "1 passed, 1 failed, 1 skipped" if strict else "2 passed, 0 failed, 1 skipped"
    assert closing_line([result]) == counted
    assert "b passed only the second time" in lane.said.getvalue()


def test_what_failed_once_and_is_known_fails_no_run(monkeypatch: pytest.MonkeyPatch) -> None:
    known = flaky.Flaky("b", date(2026, 1, 1), "A reason.")
    monkeypatch.setattr(flaky, "listed", lambda: (known,))
    lane = Scripted((1, ONE_FAILED), (0, Outcome(passed=["b"])), strict=True)
    assert lane.try_ring(UNIT).is_good


@pytest.mark.parametrize("again", [(1, Outcome(failed=["b"])), (3, None)], ids=["fails", "breaks"])
def test_what_fails_twice_fails_the_run(again: tuple[int, Outcome | None]) -> None:
    result = Scripted((1, ONE_FAILED), again).try_ring(UNIT)
    assert not result.is_good
    assert closing_line([result]) == "1 passed, 1 failed, 1 skipped"


def test_much_that_failed_is_not_tried_again() -> None:
    many = Outcome(failed=[str(number) for number in range(rings.MOST_TRIED_AGAIN + 1)])
    lane = Scripted((1, many))
    assert not lane.try_ring(UNIT).is_good
    assert len(lane.seen) == 1


@pytest.mark.parametrize("end", [(2, GOOD), (0, None)], ids=["interrupted", "told-nothing"])
def test_a_pytest_that_did_not_come_to_its_end_fails_the_run(
    end: tuple[int, Outcome | None],
) -> None:
    assert not Scripted(end).try_ring(UNIT).is_good


@pytest.mark.parametrize(
    ("checked", "result", "status"),
    [
        (True, Result(UNIT, GOOD), 0),
        (False, Result(UNIT, GOOD), 1),
        (True, Result(UNIT, ONE_FAILED), 1),
        (True, Result(UNIT, GOOD, broke=True), 1),
    ],
)
def test_the_last_line_counts_and_the_status_tells(
    capsys: pytest.CaptureFixture[str], checked: bool, result: Result, status: int
) -> None:
    assert rings.tell([result], checked=checked) == status
    assert capsys.readouterr().out.splitlines()[-1] == closing_line([result])


def test_a_lane_that_ended_starts_nothing_more(tmp_path: Path) -> None:
    with (tmp_path / "said").open("w+") as said:
        lane = Lane(said, strict=False)
        assert lane.run((sys.executable, "-c", "print('one')")) == 0
        lane.end()
        assert lane.run((sys.executable, "-c", "print('two')")) == 1
        said.seek(0)
        assert said.read() == "one\n"


def test_the_longest_modules_are_there_and_begin_first() -> None:
    assert [name for name in order.LONGEST if not (order.FOLDER / name).is_file()] == []
    first, other = order.FOLDER / order.LONGEST[0], order.FOLDER / "unit/test_rings.py"
    assert sorted([other, first], key=order.turn) == [first, other]


def _report(test: str, when: str, end: str) -> pytest.TestReport:
    return pytest.TestReport(test, ("", 0, ""), {}, end, None, when)  # type: ignore[arg-type]  # the words are pytest's


def test_pytest_tells_how_each_test_ended(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "outcome")
    for test, *ends in (
        ("good", "passed", "passed", "passed"),
        ("bad", "passed", "failed", "passed"),
        ("bad-end", "passed", "passed", "failed"),
        ("bad-start", "failed", None, "passed"),
        ("left-out", "skipped", None, "passed"),
    ):
        for when, end in zip(("setup", "call", "teardown"), ends, strict=True):
            if end is not None:
                recorder.pytest_runtest_logreport(_report(test, when, end))
    recorder.pytest_sessionfinish()
    found = Outcome.read(tmp_path / "outcome")
    assert found == Outcome(["good"], ["bad", "bad-end", "bad-start"], ["left-out"])

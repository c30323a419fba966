"""How the tests of one call of pytest ended: a plugin that writes it into a file; its reader."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path

import pytest


@dataclass
class Outcome:
    """Ids of tests, in the order in which they ended."""

    passed: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)

    @classmethod
    def read(cls, path: Path) -> "Outcome | None":
        """That of a run that came to its end."""
        return cls(**json.loads(path.read_text())) if path.exists() else None

    def without_failures(self, excused: Iterable[str]) -> "Outcome":
        """The same with some of the failed tests counted as passed."""
        taken = set(excused)
        failed = [test for test in self.failed if test not in taken]
        return Outcome([*self.passed, *sorted(taken)], failed, self.skipped)


class Recorder:
    """Takes in reports, and writes the outcome when the session ends."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._ends: dict[str, str] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        # a test can pass and fail at its end, when its fixtures are taken down
        if report.when == "call" or not report.passed:
            self._ends[report.nodeid] = self._worse(report.nodeid, report.outcome)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self._ends[report.nodeid] = "failed"

    def pytest_sessionfinish(self) -> None:
        ends = self._ends.items()
        found = {
            name: [test for test, end in ends if end == name]
            for name in ("passed", "failed", "skipped")
        }
        self._path.write_text(json.dumps(asdict(Outcome(**found))))

    def _worse(self, test: str, end: str) -> str:
        return "failed" if "failed" in {end, self._ends.get(test)} else end


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--outcome", type=Path, metavar="FILE", help="Write there how the tests ended."
    )


def pytest_configure(config: pytest.Config) -> None:
    path: Path | None = config.getoption("--outcome")
    is_worker = hasattr(config, "workerinput")
    if path is not None and not is_worker:
        config.pluginmanager.register(Recorder(path), "outcome")

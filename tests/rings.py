"""Runs all of tests/run in a virtualenv that is ready: the checks, and the rings of tests.

The machines mostly wait, so their tests run in a lane beside all others, and are shown after them.
The last line counts the tests.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import IO

from tests import flaky, needs
from tests.outcome import Outcome

MOST_TRIED_AGAIN = 20
"""Where more tests failed, something is broken, and a second try would only take its time."""
_END_LIMIT_S = 60
_ENDS = {0, 1, 5}
"""What pytest ends with: all passed, some failed, none was there."""


@dataclass(frozen=True)
class Ring:
    """Tests of one folder, and how many processes share them on two cores."""

    name: str
    title: str
    workers: int

    def first_argv(self, outcome: Path) -> tuple[str, ...]:
        side_by_side = ("-n", str(self.workers), "--dist", "loadfile", "--no-loadscope-reorder")
        return (*self._argv(outcome), *side_by_side, "--durations=15", f"tests/{self.name}")

    def second_argv(self, outcome: Path, failed: Sequence[str]) -> tuple[str, ...]:
        """One after the other: what disturbed a test may have been its neighbour."""
        return (*self._argv(outcome), *failed)

    def _argv(self, outcome: Path) -> tuple[str, ...]:
        cache = f"cache_dir=.pytest_cache/{self.name}"
        plugin = ("-p", "tests.outcome", "--outcome", str(outcome))
        return (sys.executable, "-m", "pytest", "-q", "-o", cache, *plugin)


UNIT = Ring("unit", "Tests of units", 2)
EMBEDDED = Ring("embedded", "Tests of the embedded server", 4)
MACHINES = Ring("vps", "Tests on machines", 3)


@dataclass
class Result:
    """What came of a ring; `broke` where its pytest did not come to its end."""

    ring: Ring
    outcome: Outcome = field(default_factory=Outcome)
    broke: bool = False
    took_s: float = 0.0

    @property
    def is_good(self) -> bool:
        return not self.broke and not self.outcome.failed

    def __str__(self) -> str:
        counted = closing_line([self])
        broke = ", and ended before its end" if self.broke else ""
        return f"{self.ring.title}: {counted} in {self.took_s / 60:.1f} min{broke}"


def closing_line(results: Iterable[Result]) -> str:
    outcomes = [result.outcome for result in results]
    counted = (
        f"{sum(len(getattr(outcome, end)) for outcome in outcomes)} {end}"
        for end in ("passed", "failed", "skipped")
    )
    return ", ".join(counted)


class Lane:
    """Where rings run one after the other; what is said goes to `output`."""

    def __init__(self, output: IO[str], *, strict: bool) -> None:
        self._output, self._strict = output, strict
        self._running: subprocess.Popen[bytes] | None = None
        self._is_over = False

    def say(self, text: str) -> None:
        print(f"\n==> {text}", file=self._output, flush=True)

    def run(self, argv: Sequence[str]) -> int:
        """Run a program in a process group of its own, so that all of it can be ended."""
        if self._is_over:
            return 1
        self._running = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        return self._running.wait()

    def end(self) -> None:
        """Interrupt what runs, as Ctrl-C would, so that it cleans up; end it after a while."""
        self._is_over = True
        for sent in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
            if self._running is None or self._running.poll() is not None:
                return
            with suppress(ProcessLookupError):
                os.killpg(self._running.pid, sent)
            with suppress(subprocess.TimeoutExpired):
                self._running.wait(_END_LIMIT_S)

    def try_ring(self, ring: Ring) -> Result:
        """Run a ring, and once more what failed of it."""
        self.say(ring.title)
        started = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="ship-outcome-") as folder:
            result = self._try(ring, Path(folder))
        result.took_s = time.monotonic() - started
        self.say(str(result))
        return result

    def _try(self, ring: Ring, folder: Path) -> Result:
        first = self._outcome(ring.first_argv(folder / "first"), folder / "first")
        if first is None:
            return Result(ring, broke=True)
        if not 0 < len(first.failed) <= MOST_TRIED_AGAIN:
            return Result(ring, first)
        self.say("Once more, only what failed.")
        again = self._outcome(ring.second_argv(folder / "second", first.failed), folder / "second")
        return self._judge(ring, first, first if again is None else again)

    def _outcome(self, argv: Sequence[str], path: Path) -> Outcome | None:
        """How the tests of a pytest ended, if it came to its end."""
        ended = self.run(argv) in _ENDS
        return Outcome.read(path) if ended else None

    def _judge(self, ring: Ring, first: Outcome, again: Outcome) -> Result:
        known = flaky.listed()
        failed = flaky.failures(first.failed, again.failed, known, strict=self._strict)
        disturbed = [test for test in first.failed if test not in again.failed]
        for line in _about(disturbed, failed):
            self.say(line)
        return Result(
            ring, first.without_failures(test for test in first.failed if test not in failed)
        )


def _about(disturbed: Sequence[str], failed: Sequence[str]) -> Iterator[str]:
    """What is said of tests that passed the second time."""
    for test in disturbed:
        if test in failed:
            yield f"{test} passed only the second time. tests/flaky.toml lacks it."
        else:
            yield f"{test} passed only the second time. It is worth a look all the same."


def run_checks(lane: Lane) -> bool:
    """Format, lint, types and shell, beside each other."""
    lane.say("Checks")
    python = f"PYTHON={sys.executable}"
    is_good = lane.run(("make", "-j4", "--output-sync=target", python, "lint")) == 0
    if not is_good:
        lane.say("The checks failed, see above. The tests run all the same.")
    return is_good


def run_machines(lane: Lane) -> Result:
    """Make the Debian trees where they are not there yet, and try the machines."""
    can = os.geteuid() == 0 and all(map(shutil.which, ("debootstrap", "systemd-nspawn")))
    if can and lane.run((sys.executable, "-m", "tests.vps.trees")):
        lane.say("The trees could not be made, see above. The machine tests will say so.")
    return lane.try_ring(MACHINES)


@contextmanager
def lanes() -> Iterator[tuple[Lane, Lane, IO[str]]]:
    """The lane that is seen, the one beside it, and what that one says; both end with the block."""
    strict = needs.in_ci() and os.environ.get("SHIP_TESTS_SECOND_TRY") != "counts"
    with tempfile.TemporaryFile("w+", errors="replace") as said:
        seen, beside = Lane(sys.stdout, strict=strict), Lane(said, strict=strict)
        try:
            yield seen, beside, said
        finally:
            seen.end()
            beside.end()


def run_all() -> int:
    with ThreadPoolExecutor(1) as pool, lanes() as (seen, beside, said):
        machines: Future[Result] = pool.submit(run_machines, beside)
        checked = run_checks(seen)
        results = [seen.try_ring(UNIT), seen.try_ring(EMBEDDED)]
        seen.say("Tests on machines, which ran beside all this")
        results.append(machines.result())
        said.seek(0)
        print(said.read())
    return tell(results, checked=checked)


def tell(results: Sequence[Result], *, checked: bool) -> int:
    """Print what came of it all; the exit status."""
    print("\n==> " + "\n    ".join(str(result) for result in results))
    print("    The checks passed." if checked else "    The checks failed.")
    print(closing_line(results), flush=True)
    return 0 if checked and all(result.is_good for result in results) else 1


def _end(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


def main() -> int:
    """Run all; a signal that ends this ends both lanes."""
    signal.signal(signal.SIGTERM, _end)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    return run_all()


if __name__ == "__main__":
    raise SystemExit(main())

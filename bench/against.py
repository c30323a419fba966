"""Two states of Ship by turns, each on a machine of its own: what a change costs."""

from collections.abc import Callable
from pathlib import Path
from statistics import median

from bench.measure import Bench
from bench.page import STEPS
from bench.server import NAME, install
from tests.vps import trees
from tests.vps.machine import Machine


def compare(before: str, rounds: int, folder: Path, say: Callable[[str], object]) -> str:
    """Measure the commit `before` and what is committed now; returns a table of seconds."""
    tree = trees.warm()
    with (
        Machine.boot(tree, NAME, durable=True) as first,
        Machine.boot(tree, NAME, durable=True) as second,
    ):
        sides = [
            _begin(machine, folder / name, revision, say)
            for machine, name, revision in ((first, "before", before), (second, "now", "HEAD"))
        ]
        for number in range(1, rounds + 1):
            say(f"Round {number} of {rounds}")
            for bench in sides if number % 2 else sides[::-1]:
                bench.round(number)
        lost = [bench.redeploy_under_load(bench.ship)["lost"] for bench in sides]
    return _table(*sides) + f"\nRequests lost in ten redeploys: {lost[0]} before, {lost[1]} now."


def _begin(machine: Machine, folder: Path, revision: str, say: Callable[[str], object]) -> Bench:
    folder.mkdir()
    server = install(machine, folder, revision)
    bench = Bench(server, folder / "trees", say=lambda text: say(f"{server.commit} {text}"))
    bench.begin()
    return bench


def _table(before: Bench, now: Bench) -> str:
    """Medians, with the least in brackets, until the page was seen."""
    lines = [f"{'until live, s':22} {before.server.commit:>14} {now.server.commit:>14}  ratio"]
    for step, title in STEPS.items():
        told = [_live(bench, step) for bench in (before, now)]
        cells = "".join(f" {median(times):7.2f} ({min(times):.2f})" for times in told)
        ratios = f"{median(told[1]) / median(told[0]):.2f} ({min(told[1]) / min(told[0]):.2f})"
        lines.append(f"{title:22}{cells}  {ratios}")
    return "\n".join(lines)


def _live(bench: Bench, step: str) -> list[float]:
    took = bench.times[bench.ship.name][step]
    return [live for each in took if (live := each["live_s"]) is not None]

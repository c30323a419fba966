"""The command `tests/faults`: so many faults of each kind, and a table of what became of them."""

import argparse
import os
import random
import signal
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from tests.fault_kinds import crowds, damage, disks, kills, machines, quick_week, week
from tests.fault_kinds.ground import Kind
from tests.fault_kinds.lanes import Job, do_all

KINDS: tuple[Kind[Any], ...] = (
    kills.KILLS,
    kills.AIMED,
    crowds.WAITING,
    crowds.TOGETHER,
    damage.DAMAGE,
    disks.DISKS,
    disks.INODES,
    machines.CUTS,
    machines.UPGRADES,
    week.WEEK,
    quick_week.QUICK,
)

LONG = (machines.UPGRADES, week.WEEK, quick_week.QUICK)


def main(about: str | None, argv: Sequence[str] | None = None) -> int:
    """Do what is asked for; returns 1 when a fault was not survived."""
    for number in (signal.SIGINT, signal.SIGTERM):  # a shell has its background ignore the first
        signal.signal(number, signal.default_int_handler)
    parser = argparse.ArgumentParser(
        description=about, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for kind in KINDS:
        parser.add_argument(f"--{kind.name}", type=int, metavar="N", help=kind.about)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--lanes", type=int, default=4, help="so many servers side by side")
    asked = parser.parse_args(argv)
    counts = [getattr(asked, kind.name) for kind in KINDS]
    if set(counts) == {None}:
        counts = [0 if kind.needs_root and os.geteuid() else kind.usual for kind in KINDS]
    return 1 if run([count or 0 for count in counts], asked.seed, asked.lanes) else 0


def run(counts: Sequence[int], seed: int, lanes: int) -> int:
    """Do so many of each; returns how many were not survived."""
    print(f"seed {seed}", flush=True)
    jobs = [
        Job(number, f"{seed}.{KINDS[number].name}.{n}")
        for number in range(len(KINDS))
        for n in range(counts[number])
    ]
    # mixed, as one leaves things to the next; the longest first, so that no lane is left with one
    random.Random(seed).shuffle(jobs)
    jobs.sort(key=lambda job: KINDS[job.kind] not in LONG)
    made: Counter[int] = Counter()
    bad: Counter[int] = Counter()
    with suppress(KeyboardInterrupt):  # then the table is of what was done
        for done in do_all(KINDS, jobs, min(lanes, len(jobs))):
            made[done.kind] += 1
            bad[done.kind] += bool(done.fault.lies)
            for lie in done.fault.lies:
                print(f"  {KINDS[done.kind].name}: {done.fault.what}: {lie}", flush=True)
    _show_table([made[number] for number in range(len(KINDS))], bad)
    return bad.total()


def _show_table(counts: Sequence[int], bad: Mapping[int, int]) -> None:
    print(f"\n{'kind':<10}{'done':>6}{'survived':>10}{'not':>5}")
    for number, (kind, count) in enumerate(zip(KINDS, counts, strict=True)):
        if count:
            lost = bad.get(number, 0)
            print(f"{kind.name:<10}{count:>6}{count - lost:>10}{lost:>5}  {kind.about}")
    all_of_them, lost = sum(counts), sum(bad.values())
    print(f"{'all':<10}{all_of_them:>6}{all_of_them - lost:>10}{lost:>5}", flush=True)

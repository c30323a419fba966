"""The command `tests/faults`: so many faults of each kind, and a table of what became of them."""

import argparse
import random
import sys
from collections.abc import Sequence

from receiver.model.names import AppName
from tests.embedded.embedded_server import embedded_server
from tests.fault_kinds import crowds, kills, week
from tests.fault_kinds.ground import Ground, Kind

KINDS = (kills.KILLS, kills.AIMED, crowds.WAITING, crowds.TOGETHER, week.WEEK)


def main(about: str | None, argv: Sequence[str] | None = None) -> int:
    """Do what is asked for; returns 1 when a fault was not survived."""
    parser = argparse.ArgumentParser(
        description=about, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for kind in KINDS:
        parser.add_argument(f"--{kind.name}", type=int, metavar="N", help=kind.about)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    asked = parser.parse_args(argv)
    counts = {kind: getattr(asked, kind.name) for kind in KINDS}
    if set(counts.values()) == {None}:
        counts = {kind: kind.usual for kind in KINDS}
    return 1 if run({kind: count or 0 for kind, count in counts.items()}, asked.seed) else 0


def run(counts: dict[Kind, int], seed: int) -> int:
    """Do so many of each; returns how many were not survived."""
    print(f"seed {seed}", flush=True)
    results: list[tuple[Kind, int, int]] = []
    with embedded_server() as server:
        assert server.token, "the first key is an admin's"
        ground = Ground(server, AppName("ground"))
        server.create(ground.app)
        ground.commit()
        first = ground.laptop().push()
        if first.status:
            sys.exit(f"The first push failed:\n{first.text}")
        for number, (kind, count) in enumerate(counts.items()):
            bad = sum(
                _one(kind, ground, random.Random(f"{seed}.{number}.{n}")) for n in range(count)
            )
            results.append((kind, count, bad))
    _tell(results)
    return sum(bad for _, _, bad in results)


def _one(kind: Kind, ground: Ground, dice: random.Random) -> bool:
    fault = kind.do(ground, dice)
    for lie in fault.lies:
        print(f"  {kind.name}: {fault.what}: {lie}", flush=True)
    return bool(fault.lies)


def _tell(results: Sequence[tuple[Kind, int, int]]) -> None:
    print(f"\n{'kind':<10}{'done':>6}{'survived':>10}{'not':>5}")
    for kind, count, bad in results:
        if count:
            print(f"{kind.name:<10}{count:>6}{count - bad:>10}{bad:>5}  {kind.about}")
    done, bad = sum(count for _, count, _ in results), sum(bad for _, _, bad in results)
    print(f"{'all':<10}{done:>6}{done - bad:>10}{bad:>5}", flush=True)

"""How many workers web has where nobody said so, and the sum that the push shows."""

import pytest

from receiver.model.process_limits import MIB
from receiver.processes.concurrency import Share, plan_workers


@pytest.mark.parametrize(
    ("memory", "cores", "cpu", "each", "count"),
    [
        (256, 2, None, 96, 2),  # room for two
        (1024, 2, None, 40, 3),  # the processors are the limit
        (1024, 1, None, 40, 2),
        (1024, 16, None, 40, 8),  # never more than that unasked
        (1024, 4, 50, 40, 2),  # half a core
        (1024, 4, 150, 40, 3),
        (64, 2, None, 96, 1),  # one in any case
        (256, 2, None, None, 3),  # nothing measured yet
    ],
)
def test_memory_and_processors_are_the_bounds(
    memory: int, cores: int, cpu: int | None, each: int | None, count: int
) -> None:
    share = Share(memory * MIB, cores, cpu, each * MIB if each else None, "v4")
    assert plan_workers(share).count == count


def test_the_sum_is_shown() -> None:
    assert plan_workers(Share(256 * MIB, 2, None, 96 * MIB, "v4")).why == (
        "2 workers: 256M limit, less 24M for gunicorn, has room for 2 of 96M (measured in v4);"
        " 2 cores can use 3."
    )
    assert "64M (assumed until one was measured)" in plan_workers(Share(256 * MIB, 2)).why

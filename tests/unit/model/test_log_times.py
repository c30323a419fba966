"""What `--since` and `--until` mean."""

import pytest

from receiver.model.errors import UsageError
from receiver.model.log_times import moment_us

NOW_US = 1_769_847_300_000_000  # 2026-01-31T08:15:00Z


@pytest.mark.parametrize(
    ("text", "ago_s"),
    [
        ("30s", 30),
        ("10m", 600),
        ("1h", 3600),
        (" 2d ago ", 172_800),
        ("1w", 604_800),
        ("0s", 0),
        ("2026-01-31T08:15", 0),
        ("2026-01-31T08:15Z", 0),
        ("2026-01-31 08:14:59", 1),
        ("2026-01-31T09:15+01:00", 0),
        ("2026-01-31", 8 * 3600 + 900),
        ("2026-01-31T08:14:59.500Z", 0.5),
    ],
)
def test_a_while_counts_back_and_a_time_is_of_utc(text: str, ago_s: float) -> None:
    assert moment_us(text, "since", NOW_US) == NOW_US - ago_s * 1_000_000


@pytest.mark.parametrize("text", ["", "yesterday", "10", "1y", "-1h", "2026-13-01", "10 minutes"])
def test_anything_else_is_refused_with_examples(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        moment_us(text, "until", NOW_US)
    assert caught.value.reason == "usage/bad-time"
    assert "--until 10m" in caught.value.advice

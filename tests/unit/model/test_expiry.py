"""When a token expires, as somebody types it."""

import pytest

from receiver.model.errors import UsageError
from receiver.model.expiry import parse_expiry

NOW = "2026-11-30T12:00:00Z"


@pytest.mark.parametrize(
    ("text", "stamp"),
    [
        ("90d", "2027-02-28T12:00:00Z"),
        (" 12h ", "2026-12-01T00:00:00Z"),
        ("2w", "2026-12-14T12:00:00Z"),
        ("2027-03-01", "2027-03-01T00:00:00Z"),
        ("2027-03-01T09:15+01:00", "2027-03-01T08:15:00Z"),
    ],
)
def test_it_is_a_while_from_now_or_a_time(text: str, stamp: str) -> None:
    assert parse_expiry(text, NOW) == stamp


@pytest.mark.parametrize("text", ["", "soon", "0d", "90", "-1d", "2026-11-30", "2026-11-30T12:00Z"])
def test_anything_else_and_what_is_over_is_refused(text: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse_expiry(text, NOW)
    assert refused.value.reason == "usage/bad-time"

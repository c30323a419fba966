"""When a certificate is renewed, and from when on that it was not is worth a word."""

from datetime import UTC, datetime, timedelta
from typing import Literal

import pytest

from receiver.model.certificate import Certificate, Standing, Trouble

BEGINS = datetime(2026, 1, 1, tzinfo=UTC)


def certificate(days: int, by: Literal["authority", "owner"] = "authority") -> Certificate:
    return Certificate(
        file="a.pem",
        names=("a.example",),
        issuer="Test",
        begins=f"{BEGINS:%FT%TZ}",
        ends=f"{BEGINS + timedelta(days=days):%FT%TZ}",
        by=by,
    )


@pytest.mark.parametrize(
    ("days", "due"), [(90, "2026-03-02"), (45, "2026-01-31"), (6, "2026-01-04")]
)
def test_a_certificate_is_renewed_at_two_thirds_of_its_life_and_a_short_one_at_the_half(
    days: int, due: str
) -> None:
    assert certificate(days).renewed_about[:10] == due


@pytest.mark.parametrize(
    ("days", "by", "first"),
    [(90, "authority", 61), (90, "owner", 60), (365, "owner", 335), (6, "authority", 4)],
)
def test_one_that_ends_soon_is_late_once_its_renewal_had_a_day(
    days: int, by: Literal["authority", "owner"], first: int
) -> None:
    """`first` is the day on which it is said first."""
    standing = Standing(name="a.example", certificate=certificate(days, by))
    late = [day for day in range(days) if standing.is_late(BEGINS + timedelta(days=day, hours=1))]
    assert late == list(range(first, days))


def test_one_whose_renewal_failed_is_late_in_the_last_third_at_once() -> None:
    trouble = Trouble(title="The authority cannot be reached from this server.")
    standing = Standing(name="a.example", certificate=certificate(90), trouble=trouble)
    assert not standing.is_late(BEGINS + timedelta(days=59, hours=23))
    assert standing.is_late(BEGINS + timedelta(days=60, hours=1))
    assert not Standing(name="a.example", trouble=trouble).is_late(BEGINS)

"""Which authorities CAA records let make a certificate."""

import pytest

from receiver.certificates.caa import Found, Property

OURS = ("letsencrypt.org",)


@pytest.mark.parametrize(
    ("records", "of_one", "of_all_below"),
    [
        ([], True, True),
        ([(0, "issue", "letsencrypt.org")], True, True),
        ([(0, "issue", " LetsEncrypt.org ; accounturi=https://x")], True, True),
        ([(0, "issue", "other.example")], False, False),
        ([(0, "issue", "other.example"), (0, "issue", "letsencrypt.org")], True, True),
        ([(0, "issue", ";")], False, False),
        ([(0, "issuewild", ";")], True, False),
        ([(0, "issue", ";"), (0, "issuewild", "letsencrypt.org")], False, True),
        ([(0, "iodef", "mailto:a@shop.example")], True, True),
        ([(128, "iodef", "mailto:a@shop.example")], True, True),
        ([(128, "tomorrow", "x")], False, False),
        ([(0, "tomorrow", "x")], True, True),
    ],
)
def test_records_are_read_as_an_authority_reads_them(
    records: list[tuple[int, str, str]], *, of_one: bool, of_all_below: bool
) -> None:
    known = (Property(critical=flag > 0, tag=tag, value=value) for flag, tag, value in records)
    found = Found("shop.example", tuple(known))
    assert found.allow(OURS) is of_one
    assert found.allow(OURS, wildcard=True) is of_all_below

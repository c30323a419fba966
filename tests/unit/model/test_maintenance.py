"""Who is let in past a page of maintenance, as it is typed and kept."""

import pytest

from receiver.model.errors import UsageError
from receiver.model.maintenance import parse_address


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("203.0.113.7", "203.0.113.7"),
        (" 203.0.113.7 ", "203.0.113.7"),
        ("203.0.113.7/24", "203.0.113.0/24"),
        ("2001:DB8::1", "2001:db8::1"),
        ("2001:db8::/32", "2001:db8::/32"),
    ],
)
def test_an_address_is_kept_as_nginx_takes_it(typed: str, kept: str) -> None:
    assert parse_address(typed) == kept


@pytest.mark.parametrize(
    "typed",
    ["", "me", "203.0.113", "203.0.113.7; return 200", "1.2.3.4/99", "fe80::1%x; return 200"],
)
def test_what_is_no_address_is_refused(typed: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse_address(typed)
    assert refused.value.reason == "usage/bad-address"

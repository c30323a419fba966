"""When a log of requests is put aside, and when what was put aside goes."""

from datetime import UTC, datetime, timedelta

import pytest

from receiver.nginx.rotation import is_due, is_over

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)


def due(size: int, head: bytes) -> bool:
    return is_due(size, head, NOW, most_bytes=1000, days=28)


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b'{"at":"1769860800.123","id":"', False),  # of this day
        (b'{"at":"1769256300.123","id":"', False),  # six days and some hours ago
        (b'{"at":"1769083200.123","id":"', True),  # nine days ago
        (b"2026/01/30 09:00:00 [error] 12#12: *1 conn", False),
        (b"2026/01/22 09:00:00 [error] 12#12: *1 conn", True),
        (b"2026-01-22T09:00:00+00:00 192.0.2.7 blog.ex", True),
        (b"2026/13/99 09:00:00 [error]", False),
        (b'{"at":"999999999999.1"', False),
        (b"", False),
        (b"\xff\xfe", False),
    ],
)
def test_lines_that_are_old(head: bytes, *, expected: bool) -> None:
    assert due(500, head) == expected


def test_a_log_that_is_large() -> None:
    assert due(1001, b"anything")
    assert not due(1000, b"anything")


def test_what_was_put_aside_goes_with_its_last_line() -> None:
    assert is_over(NOW - timedelta(days=29), NOW, days=28)
    assert not is_over(NOW - timedelta(days=27), NOW, days=28)

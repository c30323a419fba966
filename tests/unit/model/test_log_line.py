"""Lines of a log: their shape, and the times before lines that are kept in files."""

from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from receiver.model.log_line import LogLine, Stamper, Unstamper, unstamped

AT_US = 1_769_847_300_123_456
STAMP = b"2026-01-31T08:15:00.123456Z "
pieces = st.lists(st.sampled_from([b"a", b"two words", b"\n", b"\n\n", b"x\ny", STAMP, b"\xff\r"]))


def test_a_line_tells_its_time_and_its_name() -> None:
    assert LogLine(AT_US, "app", "worker.1", b"").name == "app[worker.1]"
    assert LogLine(AT_US, "ship", "", b"").name == "ship"
    assert LogLine(AT_US, "ship", "", b"").time == "2026-01-31T08:15:00.123Z"


def test_every_line_gets_its_time_once_in_whatever_pieces_it_comes() -> None:
    stamper = Stamper(iter(range(AT_US, AT_US + 10)).__next__)
    told = stamper(b"one\ntw") + stamper(b"o\n") + stamper(b"") + stamper(b"\nthree")
    assert told == (
        b"2026-01-31T08:15:00.123456Z one\n"
        b"2026-01-31T08:15:00.123457Z two\n"
        b"2026-01-31T08:15:00.123458Z \n"
        b"2026-01-31T08:15:00.123459Z three"
    )
    assert stamper.within_line


def test_no_two_lines_have_the_same_time_even_if_the_clock_goes_back() -> None:
    times = iter([AT_US, AT_US, AT_US - 1_000_000])
    lines = Stamper(times.__next__)(b"a\nb\nc\n").splitlines()
    assert [unstamped(line) for line in lines] == [
        (AT_US, b"a"),
        (AT_US + 1, b"b"),
        (AT_US + 2, b"c"),
    ]


@pytest.mark.parametrize(
    "raw", [b"", b"plain", b"2026-13-31T08:15:00.123456Z x", b" " + STAMP, STAMP[:-1]]
)
def test_what_has_no_time_stays_as_it_is(raw: bytes) -> None:
    assert unstamped(raw) == (0, raw)


@given(pieces, st.integers(1, 40))
def test_the_times_go_as_they_came(written: list[bytes], size: int) -> None:
    stamper, plain = Stamper(count(AT_US).__next__), Unstamper()
    kept = b"".join(map(stamper, written))
    read = b"".join(plain(kept[at : at + size]) for at in range(0, len(kept), size))
    assert read + plain.rest() == b"".join(written)


@given(pieces)
def test_lines_of_the_app_that_look_like_times_are_the_apps(written: list[bytes]) -> None:
    whole = b"".join(written)
    kept = Stamper(count(AT_US).__next__)(whole)
    assert [unstamped(line)[1] for line in kept.split(b"\n")] == whole.split(b"\n")

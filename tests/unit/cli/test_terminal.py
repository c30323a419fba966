"""What an app wrote, as a terminal is shown it."""

import pytest

from receiver.cli.terminal import harmless


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        (b"plain \xc3\xa9\t\xe2\x80\x9b \xff", b"plain \xc3\xa9\t\xe2\x80\x9b \xff"),
        (b"\x1b[1;31mred\x1b[0m", b"\x1b[1;31mred\x1b[0m"),
        (b"\x1b[2J\x1b[H", b"^[[2J^[[H"),
        (b"\x1b]0;title\x07", b"^[]0;title^G"),
        (b"one\rtwo\r", b"one^Mtwo"),
        (b"one\ntwo\x7f\x00", b"one^Jtwo^?^@"),
        (b"\xc2\x9b2J", b"<9b>2J"),
    ],
)
def test_only_colours_reach_a_terminal_as_commands(written: bytes, shown: bytes) -> None:
    assert harmless(written, colours=True) == shown


def test_colours_go_where_they_are_not_wanted() -> None:
    assert harmless(b"\x1b[1;31mred\x1b[0m \x1b[K", colours=False) == b"red ^[[K"

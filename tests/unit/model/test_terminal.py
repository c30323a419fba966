"""What did not come from ship, as a terminal is shown it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from receiver.model.output import Output
from receiver.model.terminal import Filter, harmless, harmless_bytes, harmless_json, harmless_lines


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        (b"plain \xc3\xa9\t\xe2\x80\x9b \xff", b"plain \xc3\xa9\t\xe2\x80\x9b \xff"),
        (b"\x1b[1;31mred\x1b[0m", b"\x1b[1;31mred\x1b[0m"),
        (b"\x1b[38;2;1:2:3mleft on", b"\x1b[38;2;1:2:3mleft on\x1b[0m"),
        (b"\x1b[2J\x1b[H", b"^[[2J^[[H"),
        (b"\x1b]0;title\x07", b"^[]0;title^G"),
        (b"\x1b]52;c;cHdu\x1b\\", b"^[]52;c;cHdu^[\\"),
        (b"\x1b]8;;http://evil\x1b\\here", b"^[]8;;http://evil^[\\here"),
        (b"\x1b[31;1H \x1b[?1049h \x1bc", b"^[[31;1H ^[[?1049h ^[c"),
        (b"one\rtwo\r", b"one^Mtwo"),
        (b"one\ntwo\x7f\x00", b"one^Jtwo^?^@"),
        (b"\xc2\x9b2J \x9b2J", b"<9b>2J <9b>2J"),
        ("user\u202egnp.exe \u2066x".encode(), b"user<202e>gnp.exe <2066>x"),
    ],
)
def test_only_colours_reach_a_terminal_as_orders(written: bytes, shown: bytes) -> None:
    assert harmless_bytes(written) == shown
    assert harmless_bytes(shown) == shown


def test_colours_go_where_they_are_not_wanted() -> None:
    assert harmless("\x1b[1;31mred\x1b[0m \x1b[K", colours=False) == "red ^[[K"


def test_of_several_lines_none_lends_its_colour_to_the_next() -> None:
    assert harmless_lines("\x1b[8mhidden\nseen") == "\x1b[8mhidden\x1b[0m\nseen"


@given(st.text(st.characters(exclude_categories=["Cs"])), st.booleans())
def test_no_text_leaves_an_order_behind(text: str, colours: bool) -> None:
    shown = harmless(text, colours=colours)
    plain = harmless(shown, colours=False)
    assert harmless(shown, colours=colours) == shown
    assert not any(ord(each) < 0x20 and each != "\t" for each in plain)
    assert not any(0x7F <= ord(each) < 0xA0 for each in plain)


@given(st.lists(st.binary(max_size=12), max_size=8))
def test_a_stream_says_the_same_in_whatever_pieces_it_comes(pieces: list[bytes]) -> None:
    whole: list[bytes] = []
    said: list[bytes] = []
    for sink, chunks in ((whole, [b"".join(pieces)]), (said, pieces)):
        stream = Filter(sink.append)
        for chunk in chunks:
            stream(chunk)
        stream.end()
    assert b"".join(said) == b"".join(whole)
    assert b"\r" not in b"".join(said)


def test_a_progress_bar_of_a_stream_ends_as_it_ended() -> None:
    said: list[bytes] = []
    stream = Filter(said.append)
    for chunk in (b"10%\r2", b"0%\r100%\r\nno end \x1b[3", b"1mred"):
        stream(chunk)
    stream.end()
    assert b"".join(said) == b"100%\nno end \x1b[31mred\x1b[0m"


def test_json_says_the_same_and_orders_nothing() -> None:
    value = {"text": "\x9b2J \x7f \u202e \x1b[2J é"}
    text = harmless_json(json.dumps(value, ensure_ascii=False))
    assert json.loads(text) == value
    assert harmless(text) == text


def test_nothing_in_a_transcript_is_an_order() -> None:
    said: list[bytes] = []
    out = Output(said.append)
    hostile = "\x1b]0;owned\x07 \x9b2J \x1b[32mgreen"
    for tell in (out.step, out.say, out.warn):
        tell(hostile)
    out.feed(f"{hostile}\rrewritten {hostile}\n".encode())
    shown = b"^[]0;owned^G <9b>2J \x1b[32mgreen\x1b[0m\n"
    assert b"".join(said) == (
        b"-----> " + shown + b"       " + shown + b" !     " + shown
        + b"       rewritten " + shown
    )  # fmt: skip

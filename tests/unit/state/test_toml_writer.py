"""TOML as it is written: read back it says the same, whatever characters are in it."""

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from receiver.model.errors import ServerError
from receiver.state.toml_writer import toml_text


@given(st.dictionaries(st.from_regex(r"[a-z]{1,8}", fullmatch=True), st.text(), max_size=3))
def test_every_text_is_read_back(table: dict[str, str]) -> None:
    assert tomllib.loads(toml_text("a.toml", {"x": table, "y": list(table.values())})) == {
        "x": table,
        "y": list(table.values()),
    }


@pytest.mark.parametrize(
    ("value", "line"),
    [
        ("it's", '''a = "it's"'''),
        ('say "x"', r'a = "say \"x\""'),
        ("C:\\x41", r'a = "C:\\x41"'),
        ("tab\tline\n", r'a = "tab\tline\n"'),
        ("Größe 😀", 'a = "Größe 😀"'),
        ("\x00\x1b\x7f\x80\xa0", r'a = "\u0000\u001b\u007f\u0080\u00a0"'),
        ("\u200b\U000e0001", r'a = "\u200b\U000e0001"'),
        (["a", "b\\"], r'a = [ "a", "b\\",]'),
        (True, "a = true"),
        (7, "a = 7"),
    ],
)
def test_values(value: object, line: str) -> None:
    assert toml_text("a.toml", {"a": value}) == line + "\n"


def test_names_and_tables() -> None:
    data = {"b": 1, "x": {"y": {"a b": "c"}, "z": "d"}}
    text = 'b = 1\n\n[x]\nz = "d"\n\n[x.y]\n"a b" = "c"\n'
    assert toml_text("a.toml", data) == text


@pytest.mark.parametrize("data", [{"a\x01": 1}, {"x": {"\x02": "y"}}, {"a": [[{"b": 1}]]}])
def test_what_cannot_be_written_is_refused(data: dict[str, object]) -> None:
    with pytest.raises(ServerError, match=r"a\.toml cannot be written as TOML"):
        toml_text("a.toml", data)

"""Every way a .env file is written, every way a line of it cannot be read, and that what is
written reads back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from receiver.model.dotenv import DotenvError, dotenv_text, parse_dotenv, shell_text

NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,9}", fullmatch=True)
VALUES = st.binary(max_size=60).map(
    lambda raw: raw.replace(b"\0", b"").decode("utf-8", "surrogateescape")
)
AWKWARD = st.text(alphabet="'\"\\$`!# \t\r\n=ax", max_size=20)


@pytest.mark.parametrize(
    ("data", "values"),
    [
        (b"", {}),
        (b"\n # only\n\t\n#comments", {}),
        (b"A=b\n", {"A": "b"}),
        (b"A=b", {"A": "b"}),
        (b"  A = b  \n", {"A": "b"}),
        (b"export A=b\nexport\tB=c\n", {"A": "b", "B": "c"}),
        (b"A=\nB=''\nC=\"\"\nD= # nothing\n", {"A": "", "B": "", "C": "", "D": ""}),
        (b"A=a b # c\n", {"A": "a b"}),
        (b"A=#fff\nB=a#b\n", {"A": "#fff", "B": "a#b"}),
        (b"A='#b' # c\n", {"A": "#b"}),
        (b'A=it\'s "so"\n', {"A": 'it\'s "so"'}),
        (b"A=$HOME ${B} \\n\n", {"A": "$HOME ${B} \\n"}),
        (b"A='it\\'s'\nB='a\\\\b\\n'\n", {"A": "it's", "B": "a\\b\\n"}),
        (b'A="say \\"so\\"\\t\\\\ \\$x \\q"\n', {"A": 'say "so"\t\\ $x \\q'}),
        (b'KEY="one\ntwo\n"\nB=c\n', {"KEY": "one\ntwo\n", "B": "c"}),
        (b"KEY='one\ntwo'\n", {"KEY": "one\ntwo"}),
        (b"A=' b '\n", {"A": " b "}),
        (b"A='it'\"'\"'s'\nB='it'\\''s'\n", {"A": "it's", "B": "it's"}),
        (b"A=1\nA=2\n", {"A": "2"}),
        (b"URL=postgres://u:p@h/d?x=y\n", {"URL": "postgres://u:p@h/d?x=y"}),
        (b'A="one\r\ntwo"\r\nB=c \r\n', {"A": "one\ntwo", "B": "c"}),
        (b'A="one\r\ntwo"\nB=c\r\n', {"A": "one\r\ntwo", "B": "c"}),
        (b"\xef\xbb\xbfA=b\n", {"A": "b"}),
        (
            (b"A=gr\xc3\xbc\xc3\x9fe\nB=gr\xfc\xdfe\xa0\n"),
            {"A": "grüße", "B": "gr\udcfc\udcdfe\udca0"},
        ),
    ],
)
def test_is_read(data: bytes, values: dict[str, str]) -> None:
    assert parse_dotenv(data) == values
    assert list(parse_dotenv(data)) == list(values)


@pytest.mark.parametrize(
    ("data", "line", "seen"),
    [
        (b"A=1\n\n# c\njust words\n", 4, "no = behind the name just"),
        (b"A\n", 1, "no = behind the name A"),
        (b"=b\n", 1, "does not begin with a name"),
        (b"A=1\nMY-VAR=b\n", 2, "'MY-VAR'"),
        (b"'A'=b\n", 1, "cannot be the name"),
        (b"A=1\nB='b\nC=2\n", 2, "an opening ' without a closing one"),
        (b'A="one\ntwo\n', 1, 'an opening " without a closing one'),
        (b"A='C:\\dir\\'\n", 1, "without a closing one"),
        (b'A="one\ntwo" three\n', 2, "Something follows the closing quotation mark of A"),
        (b"A='x'#c\n", 1, "Something follows"),
        (b"A=1\nB=\0\n", 2, "NUL"),
        ("A=b\n".encode("utf-16"), 1, "UTF-16"),
    ],
)  # fmt: skip
def test_is_refused_by_its_line(data: bytes, line: int, seen: str) -> None:
    with pytest.raises(DotenvError) as refused:
        parse_dotenv(data, ".env")
    assert refused.value.title == f"Line {line} of .env cannot be read."
    assert refused.value.line == line
    assert seen in refused.value.detail


def test_a_refusal_does_not_show_a_value() -> None:
    for data in (b"A='s3cr3t\n", b"A='s3cr3t' s3cr3t\n", b"A=s3cr3t\0\n"):
        with pytest.raises(DotenvError) as refused:
            parse_dotenv(data)
        assert "s3cr3t" not in str(refused.value.fields())


@given(st.dictionaries(NAMES, VALUES | AWKWARD, max_size=5))
def test_what_is_written_reads_back(values: dict[str, str]) -> None:
    assert parse_dotenv(dotenv_text(values)) == values
    assert parse_dotenv(shell_text(values)) == values


@given(st.binary(max_size=80) | st.text(alphabet="AB='\"\\# \n\r", max_size=20).map(str.encode))
def test_anything_is_read_or_refused_by_a_line_that_is_there(data: bytes) -> None:
    assert 0 <= _line_refused(data) <= data.count(b"\n") + 1


def _line_refused(data: bytes) -> int:
    """The number of the line; 0 where all can be read."""
    try:
        parse_dotenv(data)
    except DotenvError as refused:
        return refused.line
    return 0

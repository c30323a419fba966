"""What is typed for a run: its name, variables, limits; and its command as it is shown."""

import pytest

from receiver.model.errors import UsageError
from receiver.model.run import Limits, parse_limits, parse_run_name, parse_variables
from receiver.runs.running import Wish


@pytest.mark.parametrize(
    ("texts", "variables"),
    [
        ((), {}),
        (("A=1;B=2",), {"A": "1", "B": "2"}),
        (("A=1", "B=2;A=3"), {"A": "3", "B": "2"}),
        (("A=;B==x=y",), {"A": "", "B": "=x=y"}),
        (("A=1;",), {"A": "1"}),
        ((r"A=x\;y; B=2",), {"A": "x;y", "B": "2"}),
        (("A=two\nlines",), {"A": "two\nlines"}),
    ],
)
def test_variables(texts: tuple[str, ...], variables: dict[str, str]) -> None:
    assert parse_variables(texts) == variables


@pytest.mark.parametrize("text", ["A", "1A=b", "=b", "A-B=c", "A=1;B"])
def test_what_sets_no_variable_is_refused(text: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse_variables((text,))
    assert refused.value.reason == "usage/bad-env"


def test_limits() -> None:
    assert parse_limits(None, None, None) == Limits(time_s=86_400)
    assert parse_limits("512m", "50%", "90") == Limits(memory="512M", cpu="50%", time_s=90)
    assert parse_limits("2GB", "200%", "2d") == Limits(memory="2G", cpu="200%", time_s=172_800)
    assert parse_limits(None, None, "30m").time_s == 1800


@pytest.mark.parametrize(
    ("memory", "cpu", "time"),
    [
        ("512", None, None), ("0M", None, None), ("-1M", None, None), ("1T", None, None),
        (None, "50", None), (None, "0%", None), (None, "half", None),
        (None, None, "0"), (None, None, "8d"), (None, None, "1w"), (None, None, "soon"),
    ],
)  # fmt: skip
def test_what_is_no_limit_is_refused(memory: str | None, cpu: str | None, time: str | None) -> None:
    with pytest.raises(UsageError) as refused:
        parse_limits(memory, cpu, time)
    assert refused.value.reason == "usage/bad-limit"


def test_names() -> None:
    assert parse_run_name("run.4711") == parse_run_name("4711") == 4711
    for text in ("", "run.", "run.0", "web.1", "run.1.json", "run.-1", "../1"):
        with pytest.raises(UsageError):
            parse_run_name(text)


def test_a_command_is_shown_as_one_would_type_it() -> None:
    assert Wish(argv=("echo", "a b"), by="x").command == "echo 'a b'"
    assert Wish(argv=("/bin/sh", "-c", "a | b"), by="x").command == "a | b"

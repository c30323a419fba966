"""Config vars as values: differences, limits, what is pending over a rollback, and what makes a
release."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from receiver.deploy.stages.requests import ConfigChange, ConfigChangedError
from receiver.model import config_formats
from receiver.model.config_vars import (
    Difference,
    carried_over,
    check_together,
    check_value,
    notices,
)
from receiver.model.errors import UsageError
from receiver.model.names import AppName
from receiver.model.output import mask, secrets_of

CONFIGS = st.dictionaries(st.sampled_from("ABCD"), st.sampled_from("12"), max_size=4)


def change(**how: object) -> ConfigChange:
    return ConfigChange(app=AppName("blog"), by="me", number=1, **how)  # type: ignore[arg-type]


def test_a_difference_is_told_by_names() -> None:
    found = Difference.between({"A": "1", "B": "1", "C": "1"}, {"A": "1", "B": "2", "D": "1"})
    assert (found.set, found.unset, found.names) == (("B", "D"), ("C",), ("B", "C", "D"))
    assert str(found) == "set B, D; unset C"
    assert found.description == "Set B, D config vars; Unset C config var"
    assert not Difference.between({"A": "1"}, {"A": "1"})
    many = Difference(tuple("ABCDEFGH"))
    assert many.description == "Set A, B, C, D, E and 3 more config vars"


@given(CONFIGS, CONFIGS, CONFIGS)
def test_what_is_pending_outlives_a_rollback(
    runs: dict[str, str], stored: dict[str, str], target: dict[str, str]
) -> None:
    after = carried_over(target, runs, stored)
    pending = Difference.between(runs, stored)
    for name in "ABCD":
        expected = stored if name in pending.names else target
        assert after.get(name) == expected.get(name)


@pytest.mark.parametrize(
    ("wish", "stored", "runs", "makes"),
    [
        ({"values": {"A": "1"}}, {"A": "1"}, {"A": "1"}, False),
        ({"values": {"A": "2"}}, {"A": "1"}, {"A": "1"}, True),
        ({"values": {"A": "2"}}, {"A": "2"}, {"A": "1"}, True),  # it was pending
        ({"values": {"A": "1"}}, {"A": "2"}, {"A": "1"}, False),  # and is taken back
        ({"values": {"A": "1"}}, {"A": "1", "B": "2"}, {"A": "1", "B": "1"}, False),
        ({"removed": ("A",)}, {"A": "1"}, {"A": "1"}, True),
        ({"removed": ("A",)}, {}, {"A": "1"}, True),
        ({"removed": ("A",)}, {"A": "1"}, {}, False),
        ({"only_these": True}, {"A": "1"}, {"A": "1"}, True),
        ({"only_these": True, "values": {"A": "1"}}, {"A": "1"}, {"A": "1"}, False),
    ],
)
def test_a_release_is_made_where_the_app_has_to_get_other_values(
    wish: dict[str, object], stored: dict[str, str], runs: dict[str, str], *, makes: bool
) -> None:
    assert change(**wish).makes_release(stored, runs) is makes


def test_an_edit_of_what_was_changed_meanwhile_is_refused() -> None:
    edit = change(values={"A": "3"}, expected={"A": "1"})
    assert edit.applied({"A": "1", "B": "9"}) == {"A": "3", "B": "9"}
    for now in ({"A": "2"}, {}):
        with pytest.raises(ConfigChangedError, match="A was changed"):
            edit.applied(now)
    with pytest.raises(ConfigChangedError):
        change(values={"A": "3"}, expected={"A": None}).applied({"A": "1"})


def test_what_no_program_could_be_started_with_is_refused() -> None:
    check_value("A", "x" * (131_072 - 3))
    for value in ("x" * (131_072 - 2), "é" * 70_000, "a\0b"):
        with pytest.raises(UsageError) as refused:
            check_value("A", value)
        assert refused.value.reason == "usage/bad-config-value"
    check_together({f"A{n}": "x" * 100_000 for n in range(15)})
    with pytest.raises(UsageError, match="All config vars together"):
        check_together({f"A{n}": "x" * 100_000 for n in range(16)})


def test_names_that_ship_uses_are_told() -> None:
    assert notices(["GREETING", "WEB_CONCURRENCY", "SHIP_SHAPE", "GUNICORN_CMD_ARGS"]) == []
    told = notices(["PORT", "PATH", "PYTHONHOME", "SHIP_PROCESS", "LISTEN_FDS", "HOME"])
    assert [line.split()[0] for line in told] == [
        "PORT",
        "PATH",
        "PYTHONHOME",
        "SHIP_PROCESS",
        "LISTEN_FDS",
        "HOME",
    ]


@pytest.mark.parametrize(
    ("data", "seen"),
    [
        (b'{"A": ', "Line 1 of x cannot be read."),
        (b'{\n"A": "1",\n}', "Line 3 of x cannot be read."),
        (b'{"A": 1}', "The value of A is not a text"),
        (b'{"A": null}', "The value of A is not a text"),
        (b'{"A": "\\ud800"}', "The value of A is no Unicode text"),
        (b'{"A B": "1"}', "'A B' cannot be the name"),
        (b'{"A": "a\\u0000b"}', "NUL"),
        (b"{\xff}", "cannot be read"),
    ],
)
def test_json_that_is_no_config_is_refused(data: bytes, seen: str) -> None:
    with pytest.raises(UsageError) as refused:
        config_formats.read(data, "x")
    assert seen in f"{refused.value.title} {refused.value.detail}"


def test_a_list_is_no_config() -> None:
    with pytest.raises(UsageError, match="does not hold config vars"):
        config_formats.read(b'["A"]', "x", "json")


@given(
    st.dictionaries(
        st.from_regex(r"[A-Z]{1,3}", fullmatch=True),
        st.binary(max_size=40).map(
            lambda raw: raw.replace(b"\0", b"").decode("utf-8", "surrogateescape")
        ),
        max_size=4,
    )
)
def test_every_format_reads_back_what_it_wrote(values: dict[str, str]) -> None:
    for kind in config_formats.FORMATS:
        assert config_formats.read(config_formats.written(values, kind), "x", kind) == values
    text = config_formats.written(values, "json")
    assert config_formats.read(text, "x") == values


def test_a_value_is_hidden_in_the_forms_that_programs_print_it_in() -> None:
    value = 'long "secret"\n\udcffof\\many\tforms'
    secrets = secrets_of({"API_KEY": value})
    for line in (
        'said long "secret"',
        f"said {value!r}",
        value.encode("utf-8", "surrogateescape").decode("utf-8", "replace").splitlines()[1],
    ):
        assert mask(line, secrets).count("[hidden]") == 1, line
        assert "many" not in mask(line, secrets)

"""Names are parsed at the edge: refused, never repaired."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from receiver.model.errors import ShipError
from receiver.model.names import AppName, parse_config_name, parse_key_name, parse_process_type


@pytest.mark.parametrize("name", ["a", "blog", "blog2", "blog-staging", "x" * 27])
def test_good_app_names(name):
    assert AppName.parse(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        "../x",
        "-x",
        "x-",
        "a--b",
        "x" * 64,
        "Blog",
        "blog.",
        "blög",
        "a b",
        "1blog",
        "a/b",
        "blog\n",
        "ship",
    ],
)
def test_bad_app_names_are_refused_with_the_rule(name):
    with pytest.raises(ShipError) as caught:
        AppName.parse(name)
    assert caught.value.reason == "usage/bad-app-name"
    assert caught.value.exit_code == 2


@given(st.text())
def test_no_app_name_can_leave_its_folder_or_its_account(text):
    try:
        name = AppName.parse(text)
    except ShipError:
        return
    assert len(f"ship-{name}") <= 32
    assert not set(name) - set("abcdefghijklmnopqrstuvwxyz0123456789-")


@pytest.mark.parametrize(
    ("parse", "good", "bad"),
    [
        (
            parse_config_name,
            ["A", "_x", "DATABASE_URL", "a1"],
            ["", "1A", "A=B", "A B", "A-B", "Ä", "A\n"],
        ),
        (
            parse_key_name,
            ["laptop", "ci@example.com", "a.b-c+d"],
            ["", "-a", "a b", "a/b", '"', "x" * 64],
        ),
        (
            parse_process_type,
            ["web", "worker2", "my-worker", "send_mail", "Clock", "2nd"],
            ["", "Web", "RELEASE", "-a", "_a", "a.b", "x" * 64],
        ),
    ],
)
def test_the_other_names(parse, good, bad):
    for name in good:
        assert parse(name) == name
    for name in bad:
        with pytest.raises(ShipError):
            parse(name)

"""The table of pip's options: whole, and what its rows make of values."""

import pytest
from pip._internal.commands import create_command

from receiver.building.pip_options import ALIASES, OPTIONS, ForUv, Told, translated

OLDER = {"build-option", "global-option", "install-option", "no-use-pep517"}
NO_OPTION = {"config-file"}


def test_every_option_of_pip_has_a_row() -> None:
    """Option by option with all its names; what is new in pip needs a decision here."""
    options = create_command("install").parser.option_list_all
    names = [{name.removeprefix("--") for name in one._long_opts} for one in options]
    rows = [{ALIASES.get(name, name) for name in several} for several in names]
    assert [several for several in rows if len(several & OPTIONS.keys()) != 1] == []
    assert OPTIONS.keys() - set().union(*rows) == OLDER | NO_OPTION
    assert ALIASES.keys() <= set().union(*names)
    assert ALIASES.keys().isdisjoint(OPTIONS)


def test_switches_of_pip_that_are_told_by_no() -> None:
    """A setting of `no-build-isolation` means what it says when its value is `no`."""
    switches = create_command("install").parser.option_list_all
    reversed_ones = {
        name.removeprefix("--")
        for one in switches
        if one.action == "store_false"
        for name in one._long_opts
    }
    assert {name for name in reversed_ones if OPTIONS[name] is not None} == {"no-build-isolation"}
    assert translated("no-build-isolation", "yes") == {}
    told = ForUv({"UV_NO_BUILD_ISOLATION": "1"})
    assert translated("no-build-isolation", "0") == {"install": told, "sync": told}


@pytest.mark.parametrize(
    ("option", "value", "told"),
    [
        ("no-binary", ":none:", {}),
        ("no-binary", "foo, bar",
         {"install": ForUv(options=("--no-binary=foo,bar",)),
          "sync": ForUv({"UV_NO_BINARY_PACKAGE": "foo bar"})}),
        ("only-binary", "foo,:all:",
         {"install": ForUv(options=("--only-binary=:all:",)), "sync": ForUv({"UV_NO_BUILD": "1"})}),
        ("only-binary", ":all:,:none:,foo",
         {"install": ForUv(options=("--only-binary=foo",)),
          "sync": ForUv({"UV_NO_BUILD_PACKAGE": "foo"})}),
        ("pre", "false", {}),
        ("pre", "True", {"choose": ForUv({"UV_PRERELEASE": "allow"})}),
        ("all-releases", ":all:", {"choose": ForUv({"UV_PRERELEASE": "allow"})}),
        ("only-final", "a,b",
         {"choose": ForUv(options=tuple(f"--prerelease-package={n}=disallow" for n in "ab"))}),
        ("only-final", ":none:", {}),
        ("config-settings", "--global-option=--x",
         {"install": ForUv(options=("--config-setting=--global-option=--x",)),
          "sync": ForUv(options=("--config-setting=--global-option=--x",))}),
    ],
)  # fmt: skip
def test_values_become_those_of_uv(option: str, value: str, told: Told) -> None:
    assert translated(option, value) == told


def test_reasons_are_sentences() -> None:
    reasons = [row for row in OPTIONS.values() if isinstance(row, str)]
    assert all(reason.endswith(".") and len(reason) < 110 for reason in reasons)

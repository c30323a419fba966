"""What a command line that is being typed may go on with, as far as nobody has to be asked."""

from pathlib import Path

import pytest

from receiver.cli.command import Call
from receiver.cli.completing import Word, offered
from receiver.cli.context import Environment
from receiver.cli.main import main, program


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Call:
    """Somebody on a laptop without any server, in no checkout."""
    monkeypatch.chdir(tmp_path)
    environment = Environment(
        app=None,
        server=None,
        root=None,
        home=tmp_path,
        user="me",
        is_root=False,
        program=tmp_path,
        term="dumb",
        types=False,
        has_terminal=False,
        variables={"PATH": "/usr/bin:/bin"},
    )
    return Call(environment, [], None)


def texts(call: Call, line: str) -> list[str]:
    return [word.text for word in offered(call, program, line)]


@pytest.mark.parametrize(
    ("line", "fits"),
    [
        ("ship config:e", ["config:edit", "config:export"]),
        ("ship git:r", ["git:remote"]),
        ("ship git r", ["remote"]),
        ("ship apps ren", ["rename"]),
        ("ship roll", ["rollback"]),  # a short name is a name
        # one from elsewhere, where nothing else fits
        ("ship resource:limit-", ["resource:limit-clear"]),
        ("ship completion ", ["bash", "zsh", "fish"]),
        (
            "ship config:set -",
            ["--app", "--remote", "--release-phase", "--no-release-phase", "--help"],
        ),
        ("ship checks:set pa", ["path="]),
        ("ship checks:unset pa", ["path"]),
        ("ship plan roll", ["rollback"]),
        ("ship keys:add me ", [":files"]),
        ("ship config:import ", [":files"]),
        ("ship access:add ci m", ["manage"]),
        ("ship run -- --", []),
        ("ship cron:fi", []),  # hidden
        ("ship qqq x", []),
        ("ship 'git:r", ["git:remote"]),
        ("", []),
    ],
)
def test_words_that_fit(call: Call, line: str, fits: list[str]) -> None:
    found = texts(call, line)
    if line.endswith(" -"):
        assert set(fits) <= set(found)
    elif line:
        assert found == fits


def test_a_command_is_told_with_what_it_does(call: Call) -> None:
    assert offered(call, program, "ship apps:cr") == [Word("apps:create", "Make an app")]


def test_nothing_that_a_server_lists_is_told_to_a_key(call: Call, tmp_path: Path) -> None:
    """What a key may see is for the commands to say; this one asks nobody on its behalf."""
    program_ = tmp_path / "ship"
    program_.write_text(f'#!/bin/sh\ntouch {tmp_path}/asked\necho \'[{{"name": "blog"}}]\'\n')
    program_.chmod(0o755)
    local = call.environment._replace(root=tmp_path)
    assert texts(Call(local, [], None), "ship apps:info ") == ["blog"]
    (tmp_path / "asked").unlink()
    assert texts(Call(local, [], "laptop"), "ship apps:info ") == []
    assert not (tmp_path / "asked").exists()


def test_of_config_vars_only_names_are_asked_for(call: Call, tmp_path: Path) -> None:
    program_ = tmp_path / "ship"
    program_.write_text(
        f'#!/bin/sh\necho "$@" >{tmp_path}/asked\necho \'["GREETING", "GRID", "A"]\'\n'
    )
    program_.chmod(0o755)
    local = call.environment._replace(root=tmp_path)
    assert texts(Call(local, [], None), "ship config:unset -a blog GR") == ["GREETING", "GRID"]
    assert (tmp_path / "asked").read_text() == "config:keys --app blog --json\n"


def test_a_shell_that_is_not_known_is_refused(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert main(["completion", "tcsh"]) == 2
    assert "'tcsh' is not one of 'bash', 'zsh', 'fish'." in capfdbinary.readouterr().err.decode()

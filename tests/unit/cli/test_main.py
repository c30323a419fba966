"""The edge of the command line: what a person and a program read when something is wrong."""

import json
import re
import shlex

import click
import pytest

from receiver.cli import show
from receiver.cli.checkout import Destination
from receiver.cli.forward import ssh_argv
from receiver.cli.main import main, program
from receiver.model.catalogue import COMMANDS

UNKNOWN = """
 !     There is no command 'aps'.
 !
 !     Did you mean `ship apps` or `ship ps`?
 !
 !     `ship help` lists the commands.
 !
 !     (usage/unknown-command)

"""
MISSING = """
 !     Missing argument 'NAME'.
 !
 !     `ship help apps:create` tells what can be typed.
 !
 !     (usage/bad-command-line)

"""
EXTRA = """
 !     Got unexpected extra argument (blog)
 !
 !     An app is named by `-a NAME`. `ship help logs` tells what can be typed.
 !
 !     (usage/bad-command-line)

"""
Captured = pytest.CaptureFixture[bytes]


@pytest.mark.parametrize(
    ("line", "text"), [("aps", UNKNOWN), ("apps create", MISSING), ("logs blog", EXTRA)]
)
def test_what_cannot_be_meant(line: str, text: str, capfdbinary: Captured) -> None:
    assert main(line.split()) == 2
    out, err = capfdbinary.readouterr()
    assert (out, err.decode()) == (b"", text)


def test_an_error_is_json_where_json_was_asked_for(capfdbinary: Captured) -> None:
    assert main(["config", "--no-such-option", "--json"]) == 2
    told = json.loads(capfdbinary.readouterr().err)
    assert told["reason"] == "usage/bad-command-line"
    assert told["title"] == "No such option '--no-such-option'."


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("config:set A", "usage/bad-config-pair"),
        ("config:set 1A=b", "usage/bad-config-name"),
        ("config:set =b", "usage/bad-config-name"),
        ("config:set", "usage/no-config-var"),
        ("config:unset", "usage/no-config-var"),
        ("ps:scale web=many", "usage/bad-scale"),
        ("ps:scale worker=2 .=2", "usage/bad-scale"),
        ("releases:info vX", "usage/bad-release"),
        ("run", "usage/no-command"),
        ("apps:create Blog", "usage/bad-app-name"),
        ("--by -x apps", "usage/bad-key-name"),
    ],
)
def test_bad_words_are_refused_before_anything_is_looked_up(
    line: str, reason: str, capfdbinary: Captured, monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    monkeypatch.setenv("SHIP_ROOT", str(tmp_path))
    assert main([*line.split()]) == 2
    assert f"({reason})" in capfdbinary.readouterr().err.decode()


def test_a_value_with_nul_is_refused(
    capfdbinary: Captured, monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    monkeypatch.setenv("SHIP_ROOT", str(tmp_path))
    assert main(["config:set", "A=b\0c"]) == 2
    assert "(usage/bad-config-value)" in capfdbinary.readouterr().err.decode()


def _commands() -> dict[str, click.Command]:
    context = click.Context(program, info_name="ship")
    found = {name: program.get_command(context, name) for name in COMMANDS}
    return {name: command for name, command in found.items() if command is not None}


def test_help_for_what_is_no_command_tells_what_may_be_meant(capfdbinary: Captured) -> None:
    assert main(["help", "aps"]) == 2
    assert capfdbinary.readouterr().err.decode() == UNKNOWN


def test_help_has_a_line_for_each_command_that_is_not_cut_off(capfdbinary: Captured) -> None:
    assert main(["help"]) == 0
    told = capfdbinary.readouterr().out.decode()
    listed = [line.split()[0] for line in told.splitlines() if re.match(r"  \w", line)]
    shown = [name for name, command in _commands().items() if not command.hidden]
    assert listed[-len(shown) :] == shown
    assert "cron:fire" not in listed
    assert "..." not in told.partition("Commands:")[2]


def test_version_and_help(capfdbinary: Captured) -> None:
    for words in (["version"], ["--version"]):
        assert main(words) == 0
        assert capfdbinary.readouterr().out.startswith(b"ship 0.")
    assert main(["help", "config", "set"]) == 0
    assert capfdbinary.readouterr().out.startswith(b"Usage: ship config:set ")
    assert main([]) == 0
    assert b"config:set" in capfdbinary.readouterr().out


def test_words_survive_the_way_through_ssh() -> None:
    words = ["config:set", "A=b c", "D=$x `y` \\ 'z' \"q\"", "N=\n", "U=\udcff", "", "--"]
    argv = ssh_argv(Destination("ship@vps", "22"), words, terminal=True)
    assert argv[:6] == ["ssh", "-t", "-p", "22", "--", "ship@vps"]
    assert shlex.split(argv[6]) == words
    assert ssh_argv(Destination("ship@vps"), ["apps"], terminal=False)[1] == "-T"


def test_lines_for_programs_are_plain(capfdbinary: Captured) -> None:
    show.table(("App", "State"), [("blog", "up"), ("blog-staging", "down")])
    show.fields({"A": "1", "LONGER": "x\udcff"})
    assert capfdbinary.readouterr().out == (
        b"blog          up\nblog-staging  down\nA:      1\nLONGER: x\xff\n"
    )

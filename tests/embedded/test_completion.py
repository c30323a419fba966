"""Completion in real shells: a line is begun, the tabulator key is pressed, and the line that
came of it is run.

In place of `ship` stands a program that has the real one complete, and otherwise shows the words it
was called with.
"""

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.checkout import NOBODYS_SETTINGS, Checkout
from tests.embedded.keyboard import SHIP
from tests.embedded.shell_typing import TypedShell
from tests.needs import missing, require_program

pytestmark = pytest.mark.embedded

BASH_COMPLETION = Path("/usr/share/bash-completion/bash_completion")
STANDS_FOR_SHIP = f"""#!/bin/sh
case $1 in completion|completion:words) exec {SHIP} "$@" ;; esac
printf 'typed'; printf ' <%s>' "$@"; printf ' end\\n'
"""
ANSWERS = """#!/bin/sh
echo asked >>'{log}'
echo '[{{"name": "blog-of-server"}}, {{"name": "shop"}}, {{"name": "evil\\u001b[31m"}}]'
"""
SILENT = """#!/bin/sh
echo asked >>'{log}'
exec sleep 60
"""


@dataclass
class Laptop:
    """A folder to type in, programs of its own, and what was asked over ssh."""

    home: Path
    programs: Path

    @property
    def checkout(self) -> Path:
        return self.home / "blog"

    @property
    def ssh_log(self) -> Path:
        return self.home / "asked"

    @property
    def environment(self) -> dict[str, str]:
        return {
            **NOBODYS_SETTINGS,
            "HOME": str(self.home),
            "PATH": f"{self.programs}:{os.environ['PATH']}",
            "PS1": "ready> ",
            "XDG_DATA_HOME": str(self.home / "data"),
        }

    def program(self, name: str, text: str) -> None:
        file = self.programs / name
        file.write_text(text)
        file.chmod(0o755)

    def ssh(self, text: str) -> None:
        self.program("ssh", text.format(log=self.ssh_log))

    def asked(self) -> int:
        return len(self.ssh_log.read_text().splitlines()) if self.ssh_log.exists() else 0


@pytest.fixture
def laptop(tmp_path: Path) -> Laptop:
    """A checkout of the app `blog`, with a Procfile; the server far away knows more apps."""
    require_program("git")
    made = Laptop(tmp_path, tmp_path / "programs")
    made.programs.mkdir()
    made.program("ship", STANDS_FOR_SHIP)
    made.ssh(ANSWERS)
    checkout = Checkout(made.checkout, "ship@vps:blog", made.environment)
    (checkout.folder / "Procfile").write_text("web: gunicorn app:app\nworker: python worker.py\n")
    (checkout.folder / "id_here.pub").write_text("a key")
    return made


def _plain_bash(laptop: Laptop) -> tuple[tuple[str, ...], str]:
    del laptop
    return ("bash", "--norc", "--noprofile", "-i"), 'eval "$(ship completion bash)"'


def _bash_with_package(laptop: Laptop) -> tuple[tuple[str, ...], str]:
    """The script lies where the package looks for it when `ship` is first completed."""
    if not BASH_COMPLETION.exists():
        missing("the package bash-completion is not installed")
    place = laptop.home / "data" / "bash-completion" / "completions" / "ship"
    _keep_script("bash", place)
    return ("bash", "--norc", "--noprofile", "-i"), f". {BASH_COMPLETION}"


def _plain_zsh(laptop: Laptop) -> tuple[tuple[str, ...], str]:
    del laptop
    return ("zsh", "-f", "-i"), 'eval "$(ship completion zsh)"'


def _zsh_with_file(laptop: Laptop) -> tuple[tuple[str, ...], str]:
    """The script lies in a folder of completions, as on a server."""
    _keep_script("zsh", laptop.home / "zsh" / "_ship")
    return (
        "zsh",
        "-f",
        "-i",
    ), f"fpath=({laptop.home}/zsh $fpath); autoload -Uz compinit; compinit -u"


def _fish(laptop: Laptop) -> tuple[tuple[str, ...], str]:
    del laptop
    return (
        ("fish", "--no-config", "-i", "-C", "function fish_prompt; printf 'ready> '; end"),
        "ship completion fish | source",
    )


Kind = Callable[[Laptop], tuple[tuple[str, ...], str]]
KINDS = (_plain_bash, _bash_with_package, _plain_zsh, _zsh_with_file, _fish)


def _keep_script(shell: str, place: Path) -> None:
    from receiver.setup.completion_scripts import script

    place.parent.mkdir(parents=True)
    place.write_text(script(shell))


@contextmanager
def typing(laptop: Laptop, kind: Kind) -> Iterator[TypedShell]:
    argv, line = kind(laptop)
    require_program(argv[0])
    with TypedShell(argv, laptop.checkout, laptop.environment) as shell:
        shell.press("", "ready> ")
        shell.press(f"{line}; echo se''t\r", "set\r\n")
        yield shell


@pytest.mark.parametrize("kind", KINDS)
def test_a_line_becomes_what_was_meant(laptop: Laptop, kind: Kind) -> None:
    with typing(laptop, kind) as shell:
        for keys, words in (
            ("config:s\tA=b", "<config:set> <A=b>"),
            ("config s\tA=b", "<config> <set> <A=b>"),
            ("roll\tv3", "<rollback> <v3>"),
            ("apps:info --js\t", "<apps:info> <--json>"),
            ("logs -a blog-\t-n 5", "<logs> <-a> <blog-of-server> <-n> <5>"),
            ("logs --app=blog-\t", "<logs> <--app=blog-of-server>"),
            ("logs -r pr\t", "<logs> <-r> <prod>"),
            ("ps:restart wor\t", "<ps:restart> <worker>"),
            ("ps:scale wor\t2", "<ps:scale> <worker=2>"),
            ("limits:set worker.m\t64M", "<limits:set> <worker.memory=64M>"),
            ("keys:add me id_\t", "<keys:add> <me> <id_here.pub>"),
            ("help git:r\t", "<help> <git:remote>"),
            ("nonsense conf\tx", "<nonsense> <confx>"),
        ):
            shown = shell.press(f"ship {keys}\r", " end\r\n")
            assert f"typed {words} end" in shown
            assert "rror" not in shown


@pytest.mark.parametrize("kind", KINDS)
def test_what_several_words_fit_is_listed(laptop: Laptop, kind: Kind) -> None:
    with typing(laptop, kind) as shell:
        if kind is _fish:  # draws its list on no terminal as plain as this
            shown = shell.press("complete -C 'ship config:'\r", "unset")
        else:
            shown = shell.press("ship config:\t\t", "unset")
        if "get" not in shown:  # where columns are filled from above, it stands in the line after
            shown += shell.press("", "get")
    assert "get" in shown


@pytest.mark.parametrize("kind", KINDS)
def test_a_silent_server_holds_nobody_up_twice(laptop: Laptop, kind: Kind) -> None:
    laptop.ssh(SILENT)
    with typing(laptop, kind) as shell:
        for _ in range(3):
            shown = shell.press("ship logs -a bl\t\r", " end\r\n")
            assert "typed <logs> <-a> <blog> end" in shown
            assert "rror" not in shown
    assert laptop.asked() == 1


def test_names_of_a_server_are_asked_for_once_in_a_while(laptop: Laptop) -> None:
    with typing(laptop, _plain_bash) as shell:
        for _ in range(2):
            shell.press("ship apps:info sho\t\r", "<apps:info> <shop> end")
    assert laptop.asked() == 1
    [kept] = (laptop.home / ".cache" / "ship" / "names").iterdir()
    assert kept.stat().st_mode & 0o077 == 0
    kept.write_text(json.dumps({"until": time.time() - 1, "names": ["shop"]}))
    with typing(laptop, _plain_bash) as shell:
        shell.press("ship apps:info sho\t\r", "<apps:info> <shop> end")
    assert laptop.asked() == 2

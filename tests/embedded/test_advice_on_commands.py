"""What a refused command advises is typed, word by word, and then the command itself again."""

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import click
import pytest

from receiver.cli.main import program
from receiver.machine import files
from receiver.model import catalogue
from tests.embedded.embedded_server import EmbeddedServer, embedded_server
from tests.embedded.keyboard import Typed
from tests.embedded.pushing import wsgi

pytestmark = pytest.mark.embedded

APP = "told"
UNLOCK = "ship apps:unlock -a told"
KEY = b"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGPGl8Zs2lPC3FRgZMLXKIyV4ZW7o7xJ8oRkEwVJvJ0m x\n"


@dataclass(frozen=True)
class Row:
    """A command that is refused, and what its advice gives."""

    typed: str
    reason: str
    advice: str
    """What is typed after it."""
    before: tuple[str, ...] = ()
    """Commands that lead there."""
    filled: Mapping[str, str] = field(default_factory=dict)
    """What somebody writes in place of a word in capitals."""
    works_then: bool = True
    """Whether the refused command works after that; else what is advised stands for it."""
    afterwards: tuple[str, ...] = ()
    """Commands that put things back."""
    given: bytes = b""


ROWS = (
    Row(
        "config:get COLOUR",
        "not-found/config-var",
        "ship config:set COLOUR=VALUE -a told",
        filled={"VALUE": "green"},
    ),
    Row("config:set OTHER=1 --no-restart", "locked/by-hand", UNLOCK, ("apps:lock",)),
    Row("apps:lock -m 2", "locked/by-hand", UNLOCK, ("apps:lock",), afterwards=("apps:unlock",)),
    Row(
        "ps -a other",
        "not-found/app",
        "ship apps:create other",
        afterwards=("apps:destroy -a other --confirm other",),
    ),
    Row(
        "keys:add cd",
        "exists/key",
        "ship keys:remove ci",
        ("keys:add ci",),
        given=KEY,
        afterwards=("keys:remove cd",),
    ),
    Row(
        "access:update ci manage -a told",
        "not-found/grant",
        "ship access:add ci -a told",
        ("keys:add ci",),
        given=KEY,
        afterwards=("keys:remove ci",),
    ),
    Row(
        "access:add ci admin -a told",
        "usage/admin-of-an-app",
        "ship access:add KEY admin",
        ("keys:add ci",),
        {"KEY": "ci"},
        works_then=False,
        given=KEY,
        afterwards=("keys:remove ci",),
    ),
    Row("ps:restart web.1", "usage/web-as-a-whole", "ship ps:restart web", works_then=False),
    Row(
        "ps:scale web=9999",
        "usage/bad-scale",
        "ship ps:scale web=2",
        works_then=False,
        afterwards=("ps:scale web=1",),
    ),
    Row("logs -p web.7", "not-found/process", "ship logs -p web", works_then=False),
    Row("checks:run", "not-found/process", "ship ps:start", ("ps:stop",)),
    Row(
        "checks:set",
        "usage/bad-check",
        "ship checks:set path=/health",
        works_then=False,
        afterwards=("checks:unset path",),
    ),
    Row(
        "storage:mount media/photos",
        "usage/bad-mount",
        "ship storage:unmount media",
        ("storage:mount media",),
        afterwards=("storage:unmount media/photos",),
    ),
    Row(
        "storage:mount",
        "usage/bad-mount",
        "ship storage:mount media",
        works_then=False,
        afterwards=("storage:unmount media",),
    ),
    Row(
        "storage:put - large",
        "server/no-room",
        "ship storage:quota 2G",
        ("storage:quota 1M",),
        given=bytes(2 << 20),
        afterwards=("storage:quota none",),
    ),
    Row(
        "storage:put -",
        "usage/bad-file",
        "ship storage:put - db.sqlite3",
        works_then=False,
        given=b"x",
    ),
    Row(
        "config:set A=b c",
        "usage/bad-config-pair",
        "ship config:set 'A=b c'",
        works_then=False,
    ),
    Row(
        "config:set",
        "usage/no-config-var",
        "ship config:set GREETING=hi",
        works_then=False,
        afterwards=("config:unset GREETING",),
    ),
    Row(
        "buildpacks:add static",
        "exists/buildpack",
        "ship buildpacks:remove static",
        ("buildpacks:add static",),
        afterwards=("buildpacks:remove static",),
    ),
    Row(
        "drains:add http://127.0.0.1:9/",
        "exists/drain",
        "ship drains",
        ("drains:add http://127.0.0.1:9/",),
        works_then=False,
        afterwards=("drains:remove http://127.0.0.1:9/",),
    ),
)


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedServer]:
    with embedded_server() as found:
        found.publish(APP, wsgi("told"))
        yield found


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.typed)
def test_what_is_advised_can_be_typed_and_helps(server: EmbeddedServer, row: Row) -> None:
    for line in row.before:
        _works(_type(server, line, row.given))
    refused = _type(server, row.typed, row.given)
    said = re.sub(r"\s+", " ", " ".join(it.strip(" !") for it in refused.err.splitlines()))
    assert f"({row.reason})" in said, said
    assert f"`{row.advice}" in said, said
    line = row.advice.removeprefix("ship ")
    for word, value in row.filled.items():
        line = line.replace(word, value)
    _works(_type(server, line, row.given))
    if row.works_then:
        _works(_type(server, row.typed, row.given))
    for line in row.afterwards:
        _works(_type(server, line))
    for file in server.paths(APP).storage.iterdir():
        files.remove_tree(file)


def _type(server: EmbeddedServer, line: str, given: bytes = b"") -> Typed:
    """Type a command, as in the checkout of the app."""
    words = shlex.split(line)
    command = program.get_command(click.Context(program), words[0])
    assert command is not None
    assert catalogue.find(words), line
    options = {option for param in command.params for option in param.opts}
    is_of_app = "--app" in options and not words[0].startswith("access:") and "-a" not in words
    own = ("-a", APP) if is_of_app else ()
    return server.ship(words[0], *own, *words[1:], given=given)


def _works(typed: Typed) -> None:
    assert typed.status == 0, typed.out + typed.err

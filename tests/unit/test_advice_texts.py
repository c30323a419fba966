"""What Ship's texts have people type and set is there: its commands, their options, settings."""

import re
import tomllib
from collections.abc import Iterator
from types import MappingProxyType

import click
import msgspec
import pytest

from receiver.cli.main import program
from receiver.model import catalogue
from receiver.model.check import Check
from receiver.model.cron import Cron
from receiver.model.errors import UsageError
from receiver.model.settings import (
    App,
    BuildRules,
    Manifest,
    ProcessRule,
    ReleasePhase,
    Server,
    Takeover,
)
from tests.advice_texts import FILLED, Setting, Text, commands, settings, texts

TEXTS = tuple(texts())
LEAST_COMMANDS, LEAST_SETTINGS = 250, 25
_FILES: MappingProxyType[str, tuple[type[msgspec.Struct], ...]] = MappingProxyType(
    {
        "ship": (Manifest, BuildRules, Check, Takeover, ReleasePhase, ProcessRule, Cron),
        "server": (Server,),
        "app": (App,),
    }
)
_TO_FILL = re.compile(rf"^[A-Z]+$|{FILLED}")
_FILLINGS = ("blog", "1", "deploy", "")
"""Words that some command takes where its text fills one in: a name, a number, a grant, none."""


def test_every_command_that_is_advised_can_be_typed() -> None:
    typed = [(text.place, words) for text in TEXTS for words in commands(text)]
    assert len(typed) > LEAST_COMMANDS
    assert [one for one in typed if not _can_be_typed(one[1])] == []


def test_every_option_that_is_advised_is_one_of_a_command() -> None:
    """But for those of the app's own programs, in what is said of their web lines."""
    there = {
        option
        for name in catalogue.COMMANDS
        for param in _command(name).params
        for option in (*param.opts, *param.secondary_opts)
    }
    advised = {
        (text.place, span.split()[0].partition("=")[0])
        for text in TEXTS
        for span in text.spans
        if text.place.startswith("receiver/") and "web line" not in text.words
        if re.match(r"--[a-z]", span)
    }
    assert advised
    assert [one for one in advised if one[1] not in there] == []


def test_what_the_doctor_has_typed_names_its_app() -> None:
    """It is typed on the server, where no checkout tells which app is meant."""
    nameless = [
        (text.place, words)
        for text in TEXTS
        if "/doctor/" in text.place
        for words in commands(text)
        if words[0] not in {"doctor", "capacity", "releases"}  # `releases` is only named
        and "-a" not in words
        and any("--app" in param.opts for param in _command(words[0]).params)
    ]
    assert nameless == []


def test_every_setting_that_is_advised_is_one_of_its_file() -> None:
    named = [(text.place, setting) for text in TEXTS for setting in settings(text)]
    assert len(named) > LEAST_SETTINGS
    assert [one for one in named if not _can_be_set(one[1])] == []


@pytest.mark.parametrize(
    "line",
    ["ship config:sett A=b", "ship rollback --hard", "ship keys:rename old", "FOO=1 ship confi"],
)
def test_a_command_that_cannot_be_typed_is_found(line: str) -> None:
    assert [_can_be_typed(words) for words in commands(Text("", f"Type `{line}`."))] == [False]


@pytest.mark.parametrize(
    "words",
    [
        "Raise build_limit_s in ship.toml.",  # the server's alone
        "Say `web = 0` at the top of ship.toml.",
        "Set `keep_relases = 2` in the server's ship.toml.",
        "Write `packages = true` under `[build]` in ship.toml.",
        "Name it in `open_for` of the app's app.toml.",
    ],
)
def test_a_setting_that_cannot_be_set_is_found(words: str) -> None:
    assert not all(map(_can_be_set, settings(Text("", words))))


def _can_be_typed(words: list[str]) -> bool:
    found = catalogue.find(words)
    if found is None:
        return False
    name, rest = found
    # a command that is only named needs no arguments; what is to be filled in may be any word
    tries = ([_TO_FILL.sub(one, word) for word in rest if word != "..."] for one in _FILLINGS)
    return not rest or any(_parses(name, words) for words in tries)


def _parses(name: str, words: list[str]) -> bool:
    command = _command(name)
    try:
        command.make_context(name, words, parent=click.Context(program))
    except (click.UsageError, UsageError):
        return False
    return True


def _command(name: str) -> click.Command:
    found = program.get_command(click.Context(program), name)
    assert found is not None
    return found


def _can_be_set(setting: Setting) -> bool:
    kinds = list(_kinds(setting))
    if not setting.value or FILLED in setting.value:
        return bool(kinds)
    value = tomllib.loads(f"it = {setting.value}")["it"]
    return any(_takes(kind, value) for kind in kinds)


def _kinds(setting: Setting) -> Iterator[type]:
    for model in _FILES[setting.file]:
        for field in msgspec.structs.fields(model):
            if field.encode_name == setting.name:
                yield field.type


def _takes(kind: type, value: object) -> bool:
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError:
        return False
    return True

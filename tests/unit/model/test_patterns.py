"""Expressions that are compiled late are right all the same."""

import gc
import re
from importlib import import_module
from pathlib import Path

import pytest

from receiver.model.patterns import regex

PROJECT = Path(__file__).parents[3]
FOLDERS = ("receiver", "buildpacks")


def test_nothing_is_compiled_before_it_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled: list[str] = []
    real = re.compile

    def noting(text: str, flags: int = 0) -> re.Pattern[str]:
        compiled.append(text)
        return real(text, flags)

    monkeypatch.setattr(re, "compile", noting)
    number = regex(r"v(\d+)", re.IGNORECASE)
    assert compiled == []
    found = number.fullmatch("V12")
    assert found is not None
    assert found[1] == "12"
    assert number.sub("x", "v1 V2") == "x x"
    assert number.fullmatch("none") is None
    assert compiled == [r"v(\d+)"] * 2, "once for each method, from the cache of `re`"


def test_every_expression_of_ship_can_be_compiled() -> None:
    for folder in FOLDERS:
        for path in sorted((PROJECT / folder).rglob("*.py")):
            if "runtime" not in path.parts:
                name = ".".join(path.relative_to(PROJECT).with_suffix("").parts)
                import_module(name.removesuffix(".__init__"))
    kind = type(regex(""))
    every = [each for each in gc.get_objects() if type(each) is kind]
    assert len(every) > 200
    assert all(each.pattern is not None for each in every)

"""Each finding that `ship doctor` can make is planted by a test, and gone once it was repaired, or
its advice followed."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import receiver
from tests.embedded.doctor_faults import ADVISED, FAULTS
from tests.findings import ELSEWHERE, UNTRIED
from tests.followed import unnamed
from tests.vps.doctor_faults import REPAIRED, TOLD

_NAME = re.compile(r"[a-z]+\.(?!(?:service|socket|target)$)[a-z-]+")
"""Units of systemd look like that too."""
ROWS = (*FAULTS, *ADVISED, *REPAIRED, *TOLD)


def test_each_finding_is_planted_by_a_test_or_says_why_not() -> None:
    tried = {row.finding for row in ROWS} | {
        one for several in ELSEWHERE.values() for one in several
    }
    assert set(_made()) == tried | UNTRIED.keys()
    assert not tried & UNTRIED.keys()


@pytest.mark.parametrize("place", ELSEWHERE)
def test_a_test_of_its_own_is_there_and_names_the_finding(place: str) -> None:
    assert unnamed(place, ELSEWHERE[place]) == []


def _made() -> Iterator[str]:
    """The names of all findings in the code: texts such as `unit.missing`, in modules that make
    findings.
    """
    for path in Path(receiver.__file__).parent.rglob("*.py"):
        text = path.read_text()
        if "receiver.model.finding import" in text:
            yield from (name for name in _texts(text) if _NAME.fullmatch(name))


def _texts(code: str) -> Iterator[str]:
    for each in ast.walk(ast.parse(code)):
        if isinstance(each, ast.Constant) and isinstance(each.value, str):
            yield each.value

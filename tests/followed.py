"""Where advice is followed by a test of its own: whether that test names what it is about."""

import ast
import re
from collections.abc import Iterable
from pathlib import Path

TESTS = Path(__file__).parent


def unnamed(place: str, words: Iterable[str]) -> list[str]:
    """Those of the words that a test, as `unit/test_x.py::test_y`, does not have in its own lines
    or in the table that it is run by.
    """
    name, _, test = place.partition("::")
    text = (TESTS / name).read_text()
    (found,) = (it for it in ast.parse(text).body if getattr(it, "name", "") == test)
    (first, *_) = [it.lineno for it in getattr(found, "decorator_list", ())] or [found.lineno]
    lines = text.splitlines()[first - 1 : found.end_lineno]
    tables = re.findall(r'parametrize\(\s*[("].*?[")],\s*(?:\[\*)?([A-Z]+)', "\n".join(lines))
    own = "\n".join((*lines, *(_table(text, table) for table in tables)))
    return [word for word in words if word not in own]


def _table(text: str, name: str) -> str:
    (found,) = re.findall(rf"^{name}(?:: .*)? = [({{].*?^[)}}]$", text, re.MULTILINE | re.DOTALL)
    return str(found)

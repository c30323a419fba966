"""The texts that Ship prints, read from its source, and what they have people type and set."""

import ast
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).parents[1]
FILLED = "FILLED"
"""Stands in a text where something is filled in."""
_SHIP = re.compile(r"(?:^|[|;] ?)(?:[A-Z]+=\S+ )?ship ([a-z].*)")
_SENTENCE = re.compile(r"[.;:] (?=[A-Z`])|\n")
_FILE = re.compile(r"(?P<of_server>server's |/)?\b(?P<file>ship|app)\.toml")
_SETTING = re.compile(r"`\[?([a-z]\w*)(?:\.\w+)?\]?(?: = ([^`]+))?`|(?<![$\w.`-])([a-z]+_\w+)\b")


@dataclass(frozen=True)
class Text:
    """One text of the code, with where it is written."""

    place: str
    words: str

    @property
    def spans(self) -> list[str]:
        """What it has in backticks."""
        return re.findall(r"`([^`]+)`", self.words)


@dataclass(frozen=True)
class Setting:
    """A setting that a text has people write into a file."""

    file: str
    """`ship` for the app's ship.toml, `server` for the server's, `app` for app.toml."""
    name: str
    value: str
    """Empty, where the text names none."""


def texts() -> Iterator[Text]:
    """Every text in the code of Ship and its buildpacks, but for docstrings."""
    for source in sorted([*PROJECT.glob("receiver/**/*.py"), *PROJECT.glob("buildpacks/**/*.py")]):
        place = str(source.relative_to(PROJECT))
        for node in _written(ast.parse(source.read_text())):
            yield Text(f"{place}:{node.lineno}", _whole(node))


def commands(text: Text) -> Iterator[list[str]]:
    """The words behind `ship` of each command line that a text has."""
    for span in text.spans:
        if found := _SHIP.search(span):
            yield shlex.split(re.split(r" [<>|] ?", found[1])[0])


def settings(text: Text) -> Iterator[Setting]:
    """What a text names of a file of settings, sentence by sentence."""
    for sentence in _SENTENCE.split(text.words):
        if file := _FILE.search(sentence):
            kind = "server" if file["of_server"] and file["file"] == "ship" else file["file"]
            for span, value, bare in _SETTING.findall(sentence):
                yield Setting(kind, span or bare, value)


def _written(node: ast.AST) -> Iterator[ast.Constant | ast.JoinedStr]:
    """Its texts, and those filled into others as texts of their own."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant):
            continue  # a docstring
        if isinstance(child, ast.JoinedStr):
            yield child
            for part in child.values:
                if isinstance(part, ast.FormattedValue):
                    yield from _written(part)
        elif isinstance(child, ast.Constant) and isinstance(child.value, str):
            yield child
        else:
            yield from _written(child)


def _whole(node: ast.Constant | ast.JoinedStr) -> str:
    if isinstance(node, ast.Constant):
        return str(node.value)
    parts = (part.value if isinstance(part, ast.Constant) else FILLED for part in node.values)
    return "".join(map(str, parts))

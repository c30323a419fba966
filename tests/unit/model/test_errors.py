"""Errors have one shape: a reason of their own, and the class that the reason names."""

import ast
from collections.abc import Iterator
from pathlib import Path

from receiver.model.errors import EXIT_CODES

PROJECT = Path(__file__).parents[3]
SOURCES = [*PROJECT.glob("receiver/**/*.py"), *PROJECT.glob("buildpacks/**/*.py")]
TEXTS = [text for path in SOURCES if "reason" in (text := path.read_text())]
NODES = [node for text in TEXTS for node in ast.walk(ast.parse(text))]


def _declared() -> Iterator[tuple[str, str]]:
    """Classes of errors, each with the class of the reasons that it is for."""
    yield "ShipError", "internal"
    for kind in (node for node in NODES if isinstance(node, ast.ClassDef)):
        for line in kind.body:
            if isinstance(line, ast.Assign) and ast.unparse(line.targets[0]) == "default_reason":
                yield kind.name, ast.literal_eval(line.value).partition("/")[0]


CLASSES = dict(_declared())


def _made() -> Iterator[tuple[str, str]]:
    """Classes of errors that are made, each with the class of a reason that it is given."""
    for node in NODES:
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in CLASSES
        ):
            given = (word.value for word in node.keywords if word.arg == "reason")
            for text in (part for value in given for part in ast.walk(value)):
                if isinstance(text, ast.Constant) and "/" in str(text.value):
                    yield node.func.id, str(text.value).partition("/")[0]


def test_an_error_is_of_the_class_that_its_reason_names() -> None:
    made = list(_made())
    assert made
    assert {(name, reason) for name, reason in made if CLASSES[name] != reason} == set()


def test_each_class_of_reasons_has_a_class_of_errors() -> None:
    assert set(CLASSES.values()) == set(EXIT_CODES)

"""The app's own gunicorn file: which of its settings Ship decides itself. Read, never run."""

import ast
import posixpath
from collections.abc import Iterator

from buildpacks.python.modules import parse
from receiver.model.build import Tree
from receiver.model.gunicorn_options import DROPPED_SETTINGS
from receiver.model.patterns import regex

_DEFAULT = "gunicorn.conf.py"
_LOG_FILES = ("accesslog", "errorlog")
_PORT = regex(r"\bPORT\b")
_MOST_NODES = 40
"""Of a value that is shown."""


def gunicorn_file(config: str | None) -> str:
    """The path of the file that a web line names, or of the one that gunicorn looks for."""
    if not config:
        return _DEFAULT
    if config.startswith("python:"):
        return config.removeprefix("python:").replace(".", "/") + ".py"
    return posixpath.normpath(config.removeprefix("file:"))


def file_notices(tree: Tree, path: str) -> Iterator[str]:
    """A sentence for each setting that has no effect here, as it is written."""
    for name, value in _assignments(tree, path):
        shown = f"`{name} = {_short(value)}` of {path}"
        if name in DROPPED_SETTINGS and not _means_nothing(name, value):
            yield f"{shown} is ignored: {DROPPED_SETTINGS[name]}."
        elif name in _LOG_FILES and _is_elsewhere(value):
            yield f"{shown}: where the app may not write, the lines go to `ship logs` instead."


def worker_class(tree: Tree, path: str) -> str:
    """The worker class that a file names; empty where it names none, or no word."""
    return _text(dict(_assignments(tree, path)).get("worker_class", ast.Constant(None)))


def _means_nothing(name: str, value: ast.expr) -> bool:
    """Whether what is ignored is what happens anyway: off, or where the platform says."""
    off = isinstance(value, ast.Constant) and not value.value
    return off or (name == "bind" and _names_port(value))


def _names_port(value: ast.expr) -> bool:
    fields = (one for node in ast.walk(value) for _, one in ast.iter_fields(node))
    return any(isinstance(text, str) and _PORT.search(text) for text in fields)


def _short(value: ast.expr) -> str:
    """A value as it is written, where that is a word or two."""
    if sum(1 for _ in ast.walk(value)) > _MOST_NODES:
        return "..."
    return ast.unparse(value)


def _is_elsewhere(value: ast.expr) -> bool:
    text = _text(value)
    return text.startswith("/") and not text.startswith(("/tmp/", "/dev/"))  # noqa: S108 - what others wrote


def _text(value: ast.expr) -> str:
    return value.value if isinstance(value, ast.Constant) and isinstance(value.value, str) else ""


def _assignments(tree: Tree, path: str) -> Iterator[tuple[str, ast.expr]]:
    """Names of the top level, also in `if`, `try` and `with`, with the last value of each."""
    found: dict[str, ast.expr] = {}
    code = parse(tree, path) or ast.Module([], [])
    for node in ast.walk(ast.Module([one for one in code.body if not _has_scope(one)], [])):
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                found[name] = value
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                found[name] = value
    yield from found.items()


def _has_scope(node: ast.stmt) -> bool:
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)

"""Which environment variables the code cannot do without: read from its text, so that none of it
is run.

What a library reads, and names that are put together at run time, are not seen.
"""

import ast
import warnings
from collections.abc import Iterator, Mapping
from itertools import accumulate

import msgspec

from receiver.model.build import Tree

_READERS = frozenset({"config", "env"})
"""`decouple.config("X")`, `environ.Env()("X")` and the like, by the names that their pages give
them."""
_TYPED = frozenset({"bool", "db", "dict", "float", "int", "json", "list", "str", "url", "db_url"})
_LEFT_OUT = frozenset({"tests", "test", "migrations", "scripts", "docs", "node_modules"})
_ALWAYS_SET = frozenset(
    {"HOME", "LANG", "LOGNAME", "PATH", "PORT", "PWD", "TMPDIR", "USER", "VIRTUAL_ENV"}
)
_MOST_FILES = 2_000
_MOST_FILE_BYTES = 512 * 1024
_MOST_BYTES = 16 * 1024 * 1024
"""Of all files together: what is parsed takes a hundred times its size."""


class Wanted(msgspec.Struct, frozen=True):
    """A variable that is read without a default."""

    name: str
    path: str
    line: int


def wanted_variables(tree: Tree, config: Mapping[str, str]) -> tuple[Wanted, ...]:
    """Variables that the code reads without a default and nothing sets, each where it is read
    first.
    """
    found: dict[str, Wanted] = {}
    for path in _sources(tree):
        for name, line in _read(tree.read(path)):
            given = name in config or name in _ALWAYS_SET or name.startswith("SHIP_")
            if not given and name not in found:
                found[name] = Wanted(name, path, line)
    return tuple(found[name] for name in sorted(found))


def _sources(tree: Tree) -> list[str]:
    """Modules of the app itself: no tests, whose variables are set where they are run."""
    paths = [path for path in tree.files() if path.endswith(".py")]
    own = [path for path in paths if not _LEFT_OUT.intersection(path.split("/")[:-1])]
    named = sorted(path for path in own if not _is_test(path))[:_MOST_FILES]
    sizes = {path: tree.members[path].size for path in named}
    short = [path for path in named if sizes[path] <= _MOST_FILE_BYTES]
    so_far = accumulate(sizes[path] for path in short)
    return [
        path for path, size_bytes in zip(short, so_far, strict=True) if size_bytes <= _MOST_BYTES
    ]


def _is_test(path: str) -> bool:
    name = path.rpartition("/")[2]
    return name.startswith("test_") or name.endswith("_test.py") or name == "conftest.py"


def _parsed(code: bytes) -> ast.AST:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ast.Module([], [])


def _read(code: bytes) -> list[tuple[str, int]]:
    try:
        return list(_reads(_parsed(code)))
    except RecursionError:
        return []


def _reads(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Reads that fail without the variable. What a `try` guards may be absent."""
    if isinstance(tree, ast.Try):
        for node in (*tree.handlers, *tree.orelse, *tree.finalbody):
            yield from _reads(node)
        return
    name = _name_read(tree)
    if name is not None:
        yield name, getattr(tree, "lineno", 0)
    for child in ast.iter_child_nodes(tree):
        yield from _reads(child)


def _name_read(node: ast.AST) -> str | None:
    match node:
        case ast.Subscript(value=value, slice=ast.Constant(value=str(name)), ctx=ast.Load()) if (
            _is_environ(value)
        ):
            return name
        case ast.Call(func=function, args=[ast.Constant(value=str(name))], keywords=words):
            plain = not any(word.arg in {"default", None} for word in words)
            return name if plain and _reads_strictly(function) and name.isupper() else None
        case _:
            return None


def _is_environ(node: ast.expr) -> bool:
    """`os.environ`, or `environ` by itself."""
    match node:
        case ast.Attribute(value=ast.Name(id="os"), attr="environ") | ast.Name(id="environ"):
            return True
        case _:
            return False


def _reads_strictly(function: ast.expr) -> bool:
    """A reader that fails where there is neither variable nor default."""
    match function:
        case ast.Name(id=name):
            return name in _READERS
        case ast.Attribute(value=ast.Name(id=name), attr=kind):
            return name in _READERS and kind in _TYPED
        case _:
            return False

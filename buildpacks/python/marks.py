"""Marks that are looked for in an app's sources, all in one walk: what they import, and whether
they ask for their port.

As much is read as people write by hand; a push of something else is not held up by it.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple
from weakref import WeakKeyDictionary

from receiver.model.build import Tree
from receiver.model.patterns import regex

MOST_FILES = 2_000
MOST_FILE_BYTES = 256 * 1024
MOST_BYTES = 16 * 1024 * 1024
_TESTS = regex(r"(?:^|/)(?:tests?/|test_[^/]*$|conftest\.py$)")


class _Mark(NamedTuple):
    word: bytes
    """What has to be there in any case; found faster than the rest."""
    form: bytes
    """A pattern of lines; most pushes have the word of none, and compile none."""
    tests: bool = False
    """Whether tests count as well, and scripts of a shell."""


def _imported(module: bytes) -> _Mark:
    return _Mark(module, rb"^\s*(?:from|import) " + module + rb"\b")


_MARKS = {
    "flask_socketio": _imported(b"flask_socketio"),
    "nicegui": _imported(b"nicegui"),
    "socketio": _imported(b"socketio"),
    "InMemoryChannelLayer": _Mark(b"InMemoryChannelLayer", rb"InMemoryChannelLayer"),
    "APScheduler": _Mark(
        b"Scheduler(",
        rb"\b(?:Background|AsyncIO|Gevent|Tornado)Scheduler\(|\bAPScheduler\(",
    ),
    "pkg_resources": _Mark(b"pkg_resources", rb"^(?:import|from) pkg_resources\b", tests=True),
    "PORT": _Mark(b"PORT", rb"""["']PORT["']|\$\{?PORT\b""", tests=True),
}
_found: WeakKeyDictionary[Tree, frozenset[str]] = WeakKeyDictionary()


def marks(tree: Tree) -> frozenset[str]:
    """Which of the marks any source has."""
    if tree not in _found:
        _found[tree] = frozenset(_look(tree))
    return _found[tree]


def reads_port(tree: Tree) -> bool:
    """Whether any source of the tree asks for the variable PORT."""
    return "PORT" in marks(tree)


def _look(tree: Tree) -> Iterator[str]:
    left = dict(_MARKS)
    for path, text in _sources(tree):
        is_plain = path.endswith(".py") and not _TESTS.search(path)
        for name, mark in list(left.items()):
            if mark.word not in text or not (mark.tests or is_plain):
                continue
            if re.search(mark.form, text, re.MULTILINE):
                del left[name]
                yield name


def _sources(tree: Tree) -> Iterator[tuple[str, bytes]]:
    """The files nearest to the top, with what is in them."""
    paths = [path for path in tree.files() if path.endswith((".py", ".sh"))]
    left = MOST_BYTES
    for path in sorted(paths, key=lambda path: path.count("/"))[:MOST_FILES]:
        text = tree.peek(path, min(MOST_FILE_BYTES, left))
        if text is not None:
            left -= len(text)
            yield path, text

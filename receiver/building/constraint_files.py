"""What constraint files say: their texts, with those of the files that their lines name."""

import posixpath
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from receiver.machine import files
from receiver.model.build import Tree
from receiver.model.patterns import regex

_NAMED = regex(r"^\s*(?:-[cr]\s*|--(?:constraint|requirement)[=\s]\s*)(\S+)", re.MULTILINE)
_PACKAGE = regex(r"^\s*([A-Za-z0-9](?:[\w.-]*[A-Za-z0-9])?)", re.MULTILINE)
_MOST_FILES = 50
_MOST_BYTES = 1024 * 1024

Read = Callable[[str], str | None]
"""The text at a path; None where there is none."""


def texts(paths: Iterable[str], read: Read) -> Mapping[str, str]:
    """The text of each file that can be read, by its path."""
    found: dict[str, str] = {}
    waiting = list(paths)
    while waiting and len(found) < _MOST_FILES:
        path = posixpath.normpath(waiting.pop())
        text = read(path) if path not in found else None
        if text is not None:
            found[path] = text
            waiting += [posixpath.join(posixpath.dirname(path), name) for name in _names(text)]
    return found


def _names(text: str) -> list[str]:
    return [name for name in _NAMED.findall(text) if "://" not in name]


def constrained(text: str) -> set[str]:
    """The packages that a file names, as uv writes their names."""
    return {re.sub(r"[-_.]+", "-", name).lower() for name in _PACKAGE.findall(text)}


def on_disk(path: Path, can_read: Callable[[Path], bool]) -> str | None:
    """A file of the machine, as far as the app's account may read it.

    Who pushes says which: it may be a device that never ends.
    """
    try:
        plain = path.is_file() and path.stat().st_size <= _MOST_BYTES and can_read(path)
    except OSError:
        return None
    return files.read_text(path) if plain else None


def in_tree(tree: Tree, path: str) -> str | None:
    """A file of the pushed tree."""
    return tree.read(path).decode("utf-8", "replace") if tree.has(path) else None

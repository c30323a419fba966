"""Counts what a pushed commit becomes, from its tree objects and the sizes of its files.

A tree that stands in many places is read once and counted as often as it stands: a few kilobytes
may be a million files. Nothing is inflated but trees, and nothing here calls itself.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from receiver.model.weight import Weight
from receiver.push.objects import Objects, unanswered

MOST_SHOWN = 10
_FOLDER, _LINK, _SUBMODULE = 0o040000, 0o120000, 0o160000
_KIND = 0o170000
_ID_BYTES = 20
_LONGEST_ENTRY = 300
"""Bytes of an entry in a tree object, with the longest name that a file system takes."""


class _Entry(NamedTuple):
    name: bytes
    kind: int
    object_id: str


class Tree(NamedTuple):
    """A commit's tree, read."""

    top: str
    folders: Mapping[str, Sequence[_Entry]]
    """Each tree object once, by its id."""
    at_least: bool = False
    """Whether reading was given up: it has more than the limit already."""

    def submodules(self) -> list[str]:
        """Paths of submodules, the first few; a file system shows them as empty folders."""
        return [] if self.at_least else _submodules(self)

    def names_submodules(self) -> bool:
        """Whether a file says where they are from; the deploy asks it."""
        return any(entry.name == b".gitmodules" for entry in self.folders.get(self.top, ()))


def read(objects: Objects, commit: str, most_entries: int) -> Tree | None:
    """Read the tree of a commit, each object once; None for what has no tree.

    Reading ends where there are more entries than `most_entries`.
    """
    folders: dict[str, Sequence[_Entry]] = {}
    waiting = [f"{commit}^{{tree}}"]
    top, count = "", 0
    while waiting:
        found_below: dict[str, None] = {}
        for found in objects.whole(waiting):
            if not found.kind:  # the commit has no tree, or its tree is not all here
                continue
            if found.kind != "tree":
                raise unanswered()
            top = top or found.name
            if found.size_bytes > most_entries * _LONGEST_ENTRY:
                return Tree(top, folders, at_least=True)
            entries = list(_entries(objects.content(found)))
            folders[found.name] = entries
            count += len(entries)
            if count > most_entries:
                return Tree(top, folders, at_least=True)
            found_below |= {it.object_id: None for it in entries if it.kind == _FOLDER}
        waiting = [name for name in found_below if name not in folders]
    return Tree(top, folders) if top else None


def weigh(tree: Tree, objects: Objects) -> Weight:
    """Count what a tree becomes."""
    if tree.at_least:
        return Weight(entries=sum(map(len, tree.folders.values())), at_least=True)
    files = {
        entry.object_id: 0
        for entries in tree.folders.values()
        for entry in entries
        if entry.kind not in {_FOLDER, _SUBMODULE}
    }
    for name, found in zip(files, objects.heads(files), strict=True):
        files[name] = found.size_bytes
    weights: dict[str, Weight] = {}
    for folder in _from_below(tree):
        weights[folder] = _sum(tree.folders[folder], files, weights)
    return weights[tree.top]


def _from_below(tree: Tree) -> Iterator[str]:
    """Each folder once, after all that are in it."""
    done: set[str] = set()
    stack = [tree.top]
    while stack:
        here = stack[-1]
        below = [] if here in done else _folders_in(tree, here)
        if left := [name for name in below if name not in done]:
            stack.extend(left)
            continue
        stack.pop()
        if here not in done:
            done.add(here)
            yield here


def _folders_in(tree: Tree, folder: str) -> list[str]:
    found = (entry.object_id for entry in tree.folders[folder] if entry.kind == _FOLDER)
    return list(dict.fromkeys(name for name in found if name in tree.folders))


def _sum(
    entries: Sequence[_Entry], files: Mapping[str, int], weights: Mapping[str, Weight]
) -> Weight:
    count, size, path, name, link = len(entries), 0, 0, 0, 0
    for entry in entries:
        length = len(entry.name)
        name = max(name, length)
        below = weights.get(entry.object_id) if entry.kind == _FOLDER else None
        if below is not None:
            count += below.entries
            size += below.size_bytes
            name, link = max(name, below.name_bytes), max(link, below.link_bytes)
            length += 1 + below.path_bytes
        elif entry.kind != _SUBMODULE:
            size += (size_bytes := files.get(entry.object_id, 0))
            if entry.kind == _LINK:
                link = max(link, size_bytes)
        path = max(path, length)
    return Weight(count, size, path, name, link)


def _submodules(tree: Tree) -> list[str]:
    leads: set[str] = set()  # folders with a submodule somewhere below
    for folder in _from_below(tree):
        if any(it.kind == _SUBMODULE or it.object_id in leads for it in tree.folders[folder]):
            leads.add(folder)
    shown: list[str] = []
    stack = [(tree.top, b"")] if tree.top in leads else []
    while stack and len(shown) < MOST_SHOWN:
        folder, above = stack.pop()
        for entry in tree.folders[folder]:
            if entry.kind == _SUBMODULE:
                shown.append(_printable(above + entry.name))
            elif entry.object_id in leads:
                stack.append((entry.object_id, above + entry.name + b"/"))
    return sorted(shown)[:MOST_SHOWN]


def _printable(path: bytes) -> str:
    text = path.decode("utf-8", "backslashreplace")
    return "".join(char if char.isprintable() else "?" for char in text)


def _entries(data: bytes) -> Iterator[_Entry]:
    """The entries of a tree object, which git has checked."""
    at = 0
    while at < len(data):
        blank = data.index(b" ", at)
        end = data.index(b"\0", blank)
        after = end + 1 + _ID_BYTES
        mode = int(data[at:blank], 8)
        yield _Entry(data[blank + 1 : end], mode & _KIND, data[end + 1 : after].hex())
        at = after

"""The folder of a repository that an app is in; the rest of a push is no part of its release.

It is named by `ship apps:set root=`, by `[build] root` of ship.toml, or found where only one folder
can be meant.
"""

import posixpath
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple, TypeVar

from buildpacks.python.discovery import find_entry
from buildpacks.python.packages import DEPTH, NOT_OF_APPS, PROJECT_FILES
from buildpacks.python.project import PYPROJECT, read_pyproject
from receiver.deploy.tree.archives import rewrite
from receiver.model.build import Tree
from receiver.model.errors import BuildError
from receiver.model.manifest import FILE_NAME, parse_manifest
from receiver.model.output import Output

_LENT = (FILE_NAME, "Procfile", "app.json", ".python-version", "runtime.txt", "Aptfile")
"""Files of the top folder that count for a root which has no such file."""
_NOT_PACKAGES = frozenset({".python-version", "runtime.txt"})
_AnyTree = TypeVar("_AnyTree", bound=Tree)
_MOST_FOLDERS = 100
"""Of folders with a package file, that are looked into: each costs a walk over all names."""


class Root(NamedTuple):
    """The folder that counts as the top of the tree."""

    folder: str
    """Empty for the top of the repository itself."""
    because: str = ""
    """Why this one, as the end of a sentence."""
    assumed: bool = False
    """Whether nobody named it."""

    def lent(self, tree: Tree) -> tuple[str, ...]:
        """Files of the top folder that count here too."""
        return tuple(n for n in _LENT if tree.has(n) and not tree.has(f"{self.folder}/{n}"))


def find_root(tree: Tree, setting: str) -> Root:
    """The folder that counts as the top of a pushed tree.

    Args:
        tree: the whole of what was pushed
        setting: what `ship apps:set root=` has set

    Raises:
        BuildError: there is no such folder, or there are several apps and none of them is named
    """
    if setting:
        return _named(tree, setting, "set by `ship apps:set`")
    own = parse_manifest(tree.read(FILE_NAME)).build.root if tree.has(FILE_NAME) else ""
    if own:
        return _named(tree, own, f"by [build] root of {FILE_NAME}")
    return _guessed(tree)


def tell(root: Root, tree: Tree, out: Output) -> None:
    """Say what was assumed, and what is left out."""
    lent = root.lent(tree)
    out.say(f"Root: {root.folder}/, {root.because}.")
    out.say("Other folders are not part of the app.")
    if root.assumed:
        out.say(f'To choose another: `[build]` with `root = "FOLDER"` in {FILE_NAME}.')
    if lent:
        out.say(f"From the top folder: {', '.join(lent)}.")


def below(tree: _AnyTree, root: Root) -> _AnyTree:
    """The tree from its root on."""
    return tree.below(root.folder, root.lent(tree), _texts(tree, root))


def _texts(tree: Tree, root: Root) -> dict[str, bytes]:
    """What files of the top folder say in the root, where that is something else."""
    if "Procfile" not in root.lent(tree):
        return {}
    return {"Procfile": without_cd(tree.read("Procfile"), root.folder)}


def moved(archive: Path, tree: Tree, root: Root) -> None:
    """Make the root the top folder of an archive."""
    start, lent, texts = f"{root.folder}/", root.lent(tree), _texts(tree, root)
    # a link would lead elsewhere from its new place; a tree of files has none of these
    whole = {name: tree.read(name) for name in lent if tree.members[name].issym()}

    def place(name: str) -> str | None:
        if name.startswith(start):
            return name.removeprefix(start)
        return name if name in lent and name not in whole else None

    rewrite(archive, place, texts, added=whole)


def without_cd(procfile: bytes, folder: str) -> bytes:
    """A Procfile written for the top of the repository, where its commands begin by going to the
    root.
    """
    name = re.escape(folder).encode()
    return re.sub(
        rb"(?m)^([^:\s#]+[ \t]*:[ \t]*)cd[ \t]+(?:\./)?([\"']?)"
        + name
        + rb"/?\2[ \t]*(?:&&|;)[ \t]*",
        rb"\1",
        procfile,
    )


def _named(tree: Tree, text: str, because: str) -> Root:
    folder = posixpath.normpath(text)
    if folder == ".":
        return Root("")
    if folder in tree.members and tree.members[folder].isdir():
        return Root(folder, because)
    import difflib  # noqa: PLC0415 - only this error needs it

    folders = [name for name, member in tree.members.items() if member.isdir()]
    close = difflib.get_close_matches(folder, folders, n=1)
    names = [name.removesuffix("/") for name in tree.names() if name.endswith("/")]
    raise BuildError(
        f"The root of the app is {folder}/, and the push has no such folder.",
        detail=f"The root is {because}. Folders at the top: {', '.join(names) or 'none'}.",
        advice=f"{f'Did you mean {close[0]}? ' if close else ''}Correct the root, or commit the "
        "folder. `ship apps:set root=` takes back what was set.",
        reason="build/root-not-found",
    )


def _guessed(tree: Tree) -> Root:
    if _asks_for_packages(tree) or any(map(tree.has, ("manage.py", "index.html"))):
        return Root("")
    found = _apps(tree)
    if not found or not _leaves_the_top_alone(tree, found):
        return Root("")
    if len(found) > 1:
        raise BuildError(
            f"{len(found)} folders of the push hold an app, and none is at the top.",
            detail=f"They are: {', '.join(found)}.",
            advice=f'Choose one, in {FILE_NAME} at the top:\n  [build]\n  root = "{found[0]}"\n'
            f"or for this app alone: `ship apps:set root={found[0]}`.",
            reason="build/several-roots",
        )
    return Root(found[0], "the one folder with an app and its packages", assumed=True)


def _leaves_the_top_alone(tree: Tree, found: list[str]) -> bool:
    """Whether nothing of the top folder is the app, or knows where the app is."""
    if tree.has("Procfile"):
        said = tree.read("Procfile").decode("utf-8", "replace")
        return not any(re.search(rf"\b{re.escape(name)}\b", said) for name in found)
    entry = find_entry(tree).entry
    return entry is None or any(entry.path.startswith(f"{name}/") for name in found)


def _apps(tree: Tree) -> list[str]:
    """Folders that hold a package file and an application; none of them inside of another."""
    found: list[str] = []
    for folder in islice(_folders(tree), _MOST_FOLDERS):
        inside = any(folder.startswith(f"{known}/") for known in found)
        if not inside and _is_app(tree.below(folder)):
            found.append(folder)
    return found


def _folders(tree: Tree) -> Iterator[str]:
    """Folders with a package file, the nearest first."""
    package_files = [name for name in PROJECT_FILES if name not in _NOT_PACKAGES]
    folders = (name for name, member in tree.members.items() if member.isdir())
    near = (name for name in folders if name.count("/") < DEPTH)
    names = [
        name for name in near if any(f"{name}/{file}" in tree.members for file in package_files)
    ]
    for name in sorted(names, key=lambda name: (name.count("/"), name)):
        parts = name.split("/")
        hidden = any(part.startswith(".") or part in NOT_OF_APPS for part in parts)
        if not hidden:
            yield name


def _is_app(tree: Tree) -> bool:
    return _asks_for_packages(tree) and (
        tree.has("Procfile") or tree.has("manage.py") or find_entry(tree).entry is not None
    )


def _asks_for_packages(tree: Tree) -> bool:
    names = [name for name in PROJECT_FILES if name not in _NOT_PACKAGES and tree.has(name)]
    if names != [PYPROJECT]:
        return bool(names)
    # one that only sets up a formatter or the tests says nothing of packages
    try:
        read = read_pyproject(tree)
    except BuildError:  # told where it is built from
        return True
    return "project" in read or "poetry" in read.get("tool", {})

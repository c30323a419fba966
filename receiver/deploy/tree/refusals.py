"""Refusals that hold for every pushed tree, whatever buildpack fits; nothing is unpacked before
them.
"""

import posixpath
import re
import shlex
from collections.abc import Collection, Iterable

from receiver.model.build import Tree
from receiver.model.errors import BuildError
from receiver.model.patterns import regex

_LFS_MARK = b"version https://git-lfs.github.com/spec/v1"
_LFS_SIZES = range(len(_LFS_MARK), 1024)
"""A pointer file is a few lines; nothing larger has to be read."""
_SUBMODULE_PATH = regex(r"^[ \t]*path[ \t]*=(.*)$", re.MULTILINE)
_COMMITTED_VENV = regex(r"([^/]+)/pyvenv\.cfg")
_COMMITTED_PYTHON = ".heroku/python"
_DATABASE = regex(r"(?:.*/)?[^/]+\.sqlite3?")
_COMPILED = regex(r"(?:.*/)?__pycache__/.*|.*\.pyc")
_LINKS_FOLLOWED = 40
_STEPS_FOLLOWED = 2_000_000
"""Of all links together; a tree of 100,000 links to files takes half of it."""
_SHOWN = 10


def refuse_unsafe(tree: Tree) -> None:
    """Refuse a tree that would reach out of its folder, or that does not hold what its author
    thinks.

    Raises:
        BuildError: the first of these that is found, naming the files.
    """
    _refuse_strange_members(tree)
    _refuse_leaving_links(tree)
    _refuse_submodules(tree)
    _refuse_lfs_pointers(tree)
    _refuse_committed_virtualenv(tree)
    _refuse_committed_python(tree)


def tree_notices(tree: Tree, mounts: Collection[str] = ()) -> tuple[str, ...]:
    """Sentences about what was most likely committed by mistake, and harms nothing by being there.

    Of what is kept in the app's storage, at `mounts`, nothing is said.
    """
    files = tree.files()
    databases = [name for name in files if _DATABASE.fullmatch(name) and name not in mounts]
    compiled = [name for name in files if _COMPILED.fullmatch(name)]
    notices = []
    if databases:
        notices.append(
            f"{printable(databases[0])} is in the push: the next release begins with the "
            "one of its push again."
            f" `ship storage:mount {shlex.quote(printable(databases[0]))}` keeps what the app"
            " writes into it."
        )
    if tree.has(".env"):
        notices.append(
            ".env is in the push. If it holds secrets, set them with `ship config:set` "
            "instead, and change"
            " them: the history of the repository keeps them."
        )
    if tree.has_folder("node_modules"):
        notices.append(f"node_modules/ is in the push. {_untracking('node_modules')}")
    if compiled:
        folder = printable(compiled[0])
        notices.append(f"Compiled files are in the push, such as {folder}. {_untracking('*.pyc')}")
    return tuple(notices)


def _untracking(pattern: str) -> str:
    name = f"'{pattern}'" if "*" in pattern else pattern
    return f"`git rm -r --cached {name}` and a line in .gitignore take it out."


def _refuse_strange_members(tree: Tree) -> None:
    strange = [
        name
        for name, member in tree.members.items()
        if name.startswith("/")
        or ".." in name.split("/")
        or not (member.isreg() or member.isdir() or member.issym())
    ]
    if strange:
        raise BuildError(
            "The push holds something that is neither a file, a folder nor a symbolic link "
            "in its tree.",
            detail=_shown(strange),
            advice="Remove it from the commit with `git rm`.",
            reason="build/unsafe-tree",
        )


def _refuse_leaving_links(tree: Tree) -> None:
    left = _STEPS_FOLLOWED
    leaving = []
    for name, member in tree.members.items():
        if not member.issym():
            continue
        leaves, steps = _leaves(tree, name)
        left -= steps
        if leaves:
            leaving.append(f"{name} -> {member.linkname}")
        if left < 0:
            raise BuildError(
                "The symbolic links of the push lead over each other too often.",
                detail=f"Following them takes more than {_STEPS_FOLLOWED:,} steps.",
                advice="Have links lead to files, and not to other links.",
                reason="build/unsafe-tree",
            )
    if leaving:
        raise BuildError(
            "A symbolic link leads out of the pushed tree.",
            detail=_shown(leaving),
            advice="Commit the file itself in place of the link, or link to a place inside the "
            "repository"
            " by a relative path.",
            reason="build/link-leaves-tree",
        )


def _leaves(tree: Tree, path: str) -> tuple[bool, int]:
    """Whether the kernel, following `path` from the top of the tree, would ever stand above the
    top; and how many steps that took.

    Step by step, because a link to a folder changes what a later `..` means: tidying up the text
    `d/up/../x` would say it stays inside, also where `d/up` is a link to the top.
    """
    here: list[str] = []
    todo = path.split("/")[::-1]
    links = steps = 0
    while todo:
        part = todo.pop()
        steps += 1
        if part in ("", "."):
            continue
        if part == "..":
            if not here:
                return True, steps
            here.pop()
            continue
        member = tree.members.get("/".join([*here, part]))
        if member is None or not member.issym():
            here.append(part)
            continue
        links += 1
        if member.linkname.startswith("/"):
            return True, steps
        if links > _LINKS_FOLLOWED:
            return False, steps  # a circle: opening it fails, and harms nobody
        todo.extend(member.linkname.split("/")[::-1])
    return False, steps


def _refuse_submodules(tree: Tree) -> None:
    if not tree.has(".gitmodules"):
        return
    text = tree.read(".gitmodules").decode(errors="replace")
    named = [path for found in _SUBMODULE_PATH.findall(text) if (path := found.strip())]
    # An entry may be left over from a submodule long gone; then nothing is missing.
    named = list(dict.fromkeys(named))
    filled = {name.rpartition("/")[0] for name in tree.members}
    empty = [path for path in named if tree.has_folder(posixpath.normpath(path))]
    empty = [path for path in empty if posixpath.normpath(path) not in filled]
    if empty:
        raise BuildError(
            "The repository has submodules, and a push does not bring what is in them.",
            detail=f"These folders would be empty: {_shown(empty, ', ')}",
            advice="Commit the files themselves (`git rm --cached PATH`, delete PATH/.git, `git "
            "add PATH`),"
            " or name the package in your requirements by its git address.",
            reason="build/submodules",
        )


def _refuse_lfs_pointers(tree: Tree) -> None:
    pointers = [
        name
        for name, member in tree.members.items()
        if member.isreg() and member.size in _LFS_SIZES and tree.read(name).startswith(_LFS_MARK)
    ]
    if pointers:
        raise BuildError(
            "The push holds Git LFS pointers where files should be.",
            detail=f"The contents of these files were not pushed: {_shown(pointers, ', ')}",
            advice="Take them out of LFS with `git lfs migrate export --include='PATH'` and commit,"
            " or keep such files in the app's storage.",
            reason="build/lfs-pointer",
        )


def _refuse_committed_virtualenv(tree: Tree) -> None:
    found = [match[1] for name in tree.members if (match := _COMMITTED_VENV.fullmatch(name))]
    if found:
        folder = printable(found[0])
        name, line = shlex.quote(folder), shlex.quote(f"{folder}/")
        raise BuildError(
            f"A virtualenv was committed: {folder}/.",
            detail=f"{folder}/pyvenv.cfg is in the push. A virtualenv works only on the machine "
            "and in the"
            " folder where it was made; ship makes its own.",
            advice=f"Take it out of the repository; your copy stays:\n"
            f"  git rm -r --cached --quiet {name}\n"
            f"  echo {line} >> .gitignore\n"
            f"  git add .gitignore\n"
            f"  git commit -m 'Remove the virtualenv'",
            reason="build/venv-committed",
        )


def _refuse_committed_python(tree: Tree) -> None:
    if tree.has_folder(_COMMITTED_PYTHON):
        raise BuildError(
            f"An installed Python was committed: {_COMMITTED_PYTHON}/.",
            detail="It is what another platform's build leaves behind; ship installs the packages "
            "itself.",
            advice="Take it out of the repository:\n"
            "  git rm -r --cached --quiet .heroku\n"
            "  echo '.heroku/' >> .gitignore\n"
            "  git add .gitignore\n"
            "  git commit -m 'Remove the installed Python'",
            reason="build/python-committed",
        )


def printable(name: str) -> str:
    """A file name as text that every terminal can show; names in git are bytes of any kind."""
    shown = name.encode("utf-8", "backslashreplace").decode()
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in shown)


def _shown(names: Iterable[str], between: str = "\n") -> str:
    listed = sorted(printable(name) for name in names)
    rest = len(listed) - _SHOWN
    more = [f"and {rest} more"] if rest > 0 else []
    return between.join([*listed[:_SHOWN], *more])

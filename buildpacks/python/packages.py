"""Which file says what to install: the first of those that are there, in a documented order, or the
one that the app's ship.toml chooses.
"""

import posixpath
from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec

from buildpacks.python.packaging import is_package
from buildpacks.python.pipfile import PIPFILE, PIPFILE_LOCK
from buildpacks.python.poetry import POETRY_LOCK
from buildpacks.python.project import (
    PYPROJECT,
    SETUP,
    UV_LOCK,
    asks_for_packages,
    is_named,
    is_workspace,
    read_pyproject,
)
from buildpacks.python.requirements import FILE_NAME as REQUIREMENTS
from buildpacks.python.requirements import decode_requirements, installs_project
from receiver.model.build import Tree
from receiver.model.errors import BuildError
from receiver.model.patterns import regex

Manager = Literal["requirements", "uv", "poetry", "pipenv", "project", "pipfile", "none"]

MANAGERS: Mapping[str, Manager] = {
    UV_LOCK: "uv",
    POETRY_LOCK: "poetry",
    PIPFILE_LOCK: "pipenv",
    REQUIREMENTS: "requirements",
    PYPROJECT: "project",
    PIPFILE: "pipfile",
    SETUP: "project",
}
"""In the order in which they are asked."""
LOCKS = {UV_LOCK: PYPROJECT, POETRY_LOCK: PYPROJECT, PIPFILE_LOCK: PIPFILE}
"""Lock files, each with the file that it was made of."""
_UNSUPPORTED = {
    "pdm.lock": "Make a requirements.txt with `pdm export -o requirements.txt`, and commit it.",
    "environment.yml": "List the packages in a requirements.txt, one a line, and commit it.",
}
"""Files that are not enough, and the way from there."""
PROJECT_FILES = (*MANAGERS, *_UNSUPPORTED, ".python-version", "runtime.txt")
_MISSPELT = frozenset(
    {
        "requirement.txt", "requeriments.txt", "requirments.txt", "requriements.txt",
        "requirements", "requirements.text", "requirements.txt.txt", "requirements.in.txt",
        "requiremets.txt", "requirememts.txt", "reqirements.txt",
    }
)  # fmt: skip
_KINDS = (
    "production", "prod", "deploy", "deployment", "heroku", "web", "main", "requirements", "base",
    "common", "app",
)  # fmt: skip
"""Names in a folder of requirements, the likeliest of a server first."""
_NOT_FOR_SERVERS = frozenset(
    {"dev", "development", "test", "tests", "testing", "local", "docs", "doc", "lint", "ci"}
)
_VARIANT = regex(r"requirements[-_.]([a-z]+)\.txt|requirements/([\w.-]+)\.txt")
NOT_OF_APPS = frozenset(
    {
        "tests", "test", "docs", "doc", "examples", "example", "scripts", "tools", "node_modules",
        "vendor", "venv", "env",
    }
)  # fmt: skip
"""Folders in which no app is looked for, and no packages of one."""
DEPTH = 2
"""Of folders in which both are looked for: `backend`, `apps/api`."""
_SETTING = '`[build]` with `packages = "FILE"` in ship.toml'

_UNLOCKED_WORKSPACE = (
    "This uv workspace has no uv.lock: its members are not installed. To install them, type"
    " `uv lock`, commit uv.lock, and push again."
)


class Source(msgspec.Struct, frozen=True):
    """The file that says which packages to install."""

    manager: Manager
    path: str = ""
    """Where it is in the tree; nothing where there is none."""
    notices: tuple[str, ...] = ()
    """What was assumed, and how to choose otherwise."""
    seen: str = ""
    """Files that might have been meant, where none was chosen."""


def choose_source(tree: Tree, setting: str = "") -> Source:
    """What names the packages; of the manager `none` when nothing does.

    Args:
        tree: what was pushed
        setting: `[build] packages` of the app's ship.toml

    Raises:
        BuildError: the setting names no such file, or a file is of a tool that is not supported
    """
    if setting:
        return _named(tree, setting)
    found = [name for name in MANAGERS if tree.has(name) and _counts(tree, name)]
    if found:
        return Source(MANAGERS[found[0]], found[0], _passed_over(tree, found))
    _require_partner(tree)
    _refuse_misspelt(tree)
    _refuse_unsupported(tree)
    return _elsewhere(tree)


def _named(tree: Tree, setting: str) -> Source:
    path = posixpath.normpath(setting)
    if not tree.has(path):
        raise BuildError(
            f"[build] packages names {setting}, and the push has no such file.",
            detail=f"The top folder holds: {', '.join(tree.names()[:30])}.",
            advice="Correct `packages` in ship.toml, or commit the file.",
            reason="build/packages-not-found",
        )
    name = posixpath.basename(path)
    if name not in MANAGERS or MANAGERS[name] == "requirements":
        return Source("requirements", path)
    if path != name:
        raise BuildError(
            f"[build] packages names {setting}, which is not in the top folder.",
            detail=f"From other folders only files such as {REQUIREMENTS} are read.",
            advice=f'Make its folder the root of the app: `root = "{posixpath.dirname(path)}"`'
            " under `[build]` in ship.toml.",
            reason="build/packages-not-found",
        )
    if name in LOCKS and not tree.has(LOCKS[name]):
        raise _no_partner(name)
    return Source(MANAGERS[name], name)


def _counts(tree: Tree, name: str) -> bool:
    """Whether a file that is there says anything: a pyproject.toml may be for tools alone."""
    if name in LOCKS:
        return tree.has(LOCKS[name])
    return name != PYPROJECT or asks_for_packages(read_pyproject(tree))


def _passed_over(tree: Tree, found: Sequence[str]) -> tuple[str, ...]:
    """A line on files that say something else, and how to choose them."""
    first = found[0]
    own = {
        *(LOCKS.get(name) for name in found),
        *([PIPFILE, PYPROJECT, SETUP] if _is_whole(tree, first) else []),
    }
    if first == PYPROJECT:
        own.add(SETUP)
    others = [name for name in found[1:] if name not in own]
    if not others:
        return ()
    choose = _SETTING.replace("FILE", others[0])
    return (f"Packages come from {first}, not from {', '.join(others)}. To choose: {choose}.",)


def _is_whole(tree: Tree, first: str) -> bool:
    """Whether requirements.txt installs the project, and with it what the project asks for."""
    if first != REQUIREMENTS:
        return False
    return installs_project(decode_requirements(first, tree.read(first)))


def _elsewhere(tree: Tree) -> Source:
    """Where the top folder has no file of a usual name."""
    if found := _variants(tree):
        return Source("requirements", found[0], (_assumed(found[0], found[1:]),))
    below = _below(tree)
    if len(below) == 1:
        return Source("requirements", below[0], (_assumed(below[0], ()),))
    if tree.has(PYPROJECT) and is_workspace(read_pyproject(tree)) and not is_package(tree):
        return Source("none", notices=(_UNLOCKED_WORKSPACE,), seen=_UNLOCKED_WORKSPACE)
    if tree.has(PYPROJECT) and is_named(read_pyproject(tree)):
        nothing = f"{PYPROJECT} names no dependencies."
        return Source("project", PYPROJECT) if is_package(tree) else Source("none", seen=nothing)
    if not below:
        return Source("none")
    seen = f"{', '.join(below)} are there; none is chosen. To choose: "
    said = f"{seen}{_SETTING.replace('FILE', below[0])}."
    return Source("none", notices=(said,), seen=said)


def _assumed(path: str, others: Sequence[str]) -> str:
    choose = _SETTING.replace("FILE", others[0]) if others else _SETTING
    return f"Packages come from {path}. To choose another file: {choose}."


def _variants(tree: Tree) -> list[str]:
    """Files of a folder `requirements`, or named like `requirements-prod.txt`, likeliest first."""
    kinds = {}
    for path in tree.files():
        if match := _VARIANT.fullmatch(path):
            kinds[path] = (match[1] or match[2]).lower()
    known = {path: kind for path, kind in kinds.items() if kind in _KINDS}
    if known:
        return sorted(known, key=lambda path: (_KINDS.index(known[path]), path))
    others = [path for path, kind in kinds.items() if kind not in _NOT_FOR_SERVERS]
    if not others and tree.has("requirements.in"):
        return ["requirements.in"]
    return others if len(others) == 1 else []


def _below(tree: Tree) -> list[str]:
    """Every requirements.txt of a sub-folder that may be an app's."""
    return sorted(
        path
        for path in tree.files()
        if posixpath.basename(path) == REQUIREMENTS
        and 0 < path.count("/") <= DEPTH
        and not any(part in NOT_OF_APPS or part.startswith(".") for part in path.split("/"))
    )


def is_misspelt_requirements(name: str) -> bool:
    """Whether a file name was likely meant to be requirements.txt."""
    return name != REQUIREMENTS and (name.lower() in _MISSPELT or name.lower() == REQUIREMENTS)


def requirements_not_found(because: str, source: Source) -> BuildError:
    """The error for code that plainly needs packages where no file names any."""
    return BuildError(
        "There is no file that says which packages to install.",
        detail=f"{because} {source.seen}".strip()
        + ("" if source.seen else f" There is no {_listed()} in the top folder."),
        advice="Write the packages into requirements.txt, one a line, and commit it:"
        " `pip freeze > requirements.txt`. If it is there, check that .gitignore does not name it.",
        reason="build/requirements-not-found",
    )


def _listed() -> str:
    *most, last = [name for name in MANAGERS if name not in (PIPFILE, SETUP)]
    return f"{', '.join(most)} or {last}"


def _require_partner(tree: Tree) -> None:
    for name, partner in LOCKS.items():
        if tree.has(name) and not tree.has(partner):
            raise _no_partner(name)


def _no_partner(lock: str) -> BuildError:
    partner = LOCKS[lock]
    if partner == PIPFILE:
        return BuildError(
            "There is a Pipfile.lock, but no Pipfile.",
            detail="Whether the lock is up to date shows by both together.",
            advice="Commit the Pipfile as well: `git add Pipfile`.",
            reason="build/pipfile-missing",
        )
    return BuildError(
        f"There is a {lock}, but no pyproject.toml.",
        detail="Packages are installed from both together.",
        advice="Commit pyproject.toml as well: `git add pyproject.toml`.",
        reason="build/pyproject-missing",
    )


def _refuse_misspelt(tree: Tree) -> None:
    for name in tree.names():
        if meant := _meant(name):
            raise BuildError(
                f"The file {name} is not read: did you mean {meant}?",
                detail="Packages are installed from a file of exactly this name in the top folder.",
                advice=f"Rename it: `git mv {name} {meant}`.",
                reason="build/requirements-misspelt",
            )


def _meant(name: str) -> str:
    """The file that a name was likely meant to be; nothing for another name."""
    if is_misspelt_requirements(name):
        return REQUIREMENTS
    alike = (file for file in MANAGERS if name.lower() in (file.lower(), f"{file.lower()}.txt"))
    return next((file for file in alike if file != name), "")


def _refuse_unsupported(tree: Tree) -> None:
    for file, way in _UNSUPPORTED.items():
        if tree.has(file):
            raise BuildError(
                "No file says which packages to install in a form that is supported.",
                detail=f"{file} is in the top folder. There is no {_listed()} beside it.",
                advice=way,
                reason="build/package-manager-unsupported",
            )

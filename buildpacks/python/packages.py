"""Which file says what to install: exactly one of those that are supported, or an error that
says so.
"""

from collections.abc import Mapping, Sequence
from typing import Literal

from buildpacks.python.pipfile import PIPFILE_LOCK
from buildpacks.python.poetry import POETRY_LOCK
from buildpacks.python.project import PYPROJECT, UV_LOCK, read_pyproject
from buildpacks.python.requirements import FILE_NAME as REQUIREMENTS
from receiver.model.build import Tree
from receiver.model.errors import BuildError

Manager = Literal["requirements", "uv", "poetry", "pipenv", "none"]

MANAGERS: Mapping[str, Manager] = {
    REQUIREMENTS: "requirements",
    UV_LOCK: "uv",
    POETRY_LOCK: "poetry",
    PIPFILE_LOCK: "pipenv",
}
_UNSUPPORTED = {
    "Pipfile": "Run `pipenv lock` and commit Pipfile.lock.",
    "setup.py": "Add a requirements.txt with the one line `.`, which installs the project itself.",
    "pdm.lock": "Make a requirements.txt with `pdm export -o requirements.txt`, and commit it.",
    "environment.yml": "List the packages in a requirements.txt, one a line, and commit it.",
}
"""Files that are not enough, and the way from there."""
_NUMBERS = {2: "Two", 3: "Three", 4: "Four"}
PROJECT_FILES = (*MANAGERS, PYPROJECT, *_UNSUPPORTED, ".python-version", "runtime.txt")
_MISSPELT = frozenset(
    {
        "requirement.txt", "requeriments.txt", "requirments.txt", "requriements.txt",
        "requirements", "requirements.text", "requirements.txt.txt", "requirements.in.txt",
        "requiremets.txt", "requirememts.txt", "reqirements.txt",
    }
)  # fmt: skip


def choose_manager(tree: Tree) -> Manager:
    """What installs the packages; `none` when the app names none at all.

    Raises:
        BuildError: the files contradict each other, or are of a tool that is not supported.
    """
    found = [name for name in MANAGERS if tree.has(name)]
    if len(found) > 1:
        raise _several(found)
    if found:
        manager = MANAGERS[found[0]]
        if manager in ("uv", "poetry"):
            _require_pyproject(tree, found[0])
        return manager
    _refuse_misspelt(tree)
    _refuse_unsupported(tree)
    return "none"


def _several(found: Sequence[str]) -> BuildError:
    names = f"{', '.join(found[:-1])} and {found[-1]}"
    remove = " ".join(found[1:])
    return BuildError(
        f"{_NUMBERS[len(found)]} files say which packages to install: {names}.",
        detail="Nothing tells which of them is kept up to date.",
        advice=f"Keep one and commit, for example {found[0]}: `git rm {remove}`.",
        reason="build/multiple-package-managers",
    )


def is_misspelt_requirements(name: str) -> bool:
    """Whether a file name was likely meant to be requirements.txt."""
    return name != REQUIREMENTS and (name.lower() in _MISSPELT or name.lower() == REQUIREMENTS)


def requirements_not_found(seen: str) -> BuildError:
    """The error for code that plainly needs packages where no file names any."""
    return BuildError(
        "There is no file that says which packages to install.",
        detail=f"{seen} There is no requirements.txt, uv.lock,"
        " poetry.lock or Pipfile.lock in the top folder.",
        advice="Write the packages into requirements.txt, one a line, and commit it:"
        " `pip freeze > requirements.txt`. If it is there, check that .gitignore does not name it.",
        reason="build/requirements-not-found",
    )


def _require_pyproject(tree: Tree, lock: str) -> None:
    if not tree.has(PYPROJECT):
        raise BuildError(
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
    alike = (
        file
        for file in (*MANAGERS, "Pipfile")
        if name.lower() in (file.lower(), f"{file.lower()}.txt")
    )
    return next((file for file in alike if file != name), "")


def _refuse_unsupported(tree: Tree) -> None:
    for file, way in _UNSUPPORTED.items():
        if tree.has(file):
            raise _unsupported(file, way)
    pyproject = read_pyproject(tree)
    if "poetry" in pyproject.get("tool", {}):
        raise _unsupported(PYPROJECT, "Run `poetry lock` and commit poetry.lock.")
    if "project" in pyproject:
        raise _unsupported(PYPROJECT, "Run `uv lock` and commit uv.lock.")


def _unsupported(file: str, way: str) -> BuildError:
    *most, last = MANAGERS
    return BuildError(
        "No file says exactly which packages to install.",
        detail=f"{file} is in the top folder, and it is not enough. There is no {', '.join(most)} "
        f"or {last} beside it.",
        advice=way,
        reason="build/package-manager-unsupported",
    )

"""Which file says what to install: exactly one of those that are supported, or an error that says so."""

from typing import Literal

from buildpacks.python.project import PYPROJECT, UV_LOCK, read_pyproject
from buildpacks.python.requirements import FILE_NAME as REQUIREMENTS
from receiver.model.build import Tree
from receiver.model.errors import BuildError

Manager = Literal["requirements", "uv", "none"]

_SUPPORTED = "Supported are requirements.txt, and pyproject.toml together with uv.lock."
_UNSUPPORTED = {
    "poetry.lock": "Make one of them with `poetry export -f requirements.txt -o requirements.txt`"
    " (from poetry-plugin-export), or move to uv with `uv lock`.",
    "Pipfile.lock": "Make one of them with `pipenv requirements > requirements.txt`.",
    "Pipfile": "Make one of them with `pipenv lock` and `pipenv requirements > requirements.txt`.",
    "setup.py": "Add a requirements.txt with the one line `.`, which installs the project itself.",
    "pdm.lock": "Make one of them with `pdm export -o requirements.txt`.",
    "environment.yml": "List the packages in requirements.txt.",
}
"""Files of other tools, and the way from there."""
PROJECT_FILES = (REQUIREMENTS, PYPROJECT, UV_LOCK, *_UNSUPPORTED, ".python-version", "runtime.txt")
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
    if tree.has(REQUIREMENTS) and tree.has(UV_LOCK):
        raise BuildError(
            "Two files say which packages to install: requirements.txt and uv.lock.",
            detail="Nothing tells which of them is kept up to date.",
            advice="Keep one: `git rm requirements.txt` or `git rm uv.lock`, and commit.",
            reason="build/multiple-package-managers",
        )
    if tree.has(REQUIREMENTS):
        return "requirements"
    if tree.has(UV_LOCK):
        _require_pyproject(tree)
        return "uv"
    _refuse_misspelt(tree)
    _refuse_unsupported(tree)
    return "none"


def is_misspelt_requirements(name: str) -> bool:
    """Whether a file name was likely meant to be requirements.txt."""
    return name != REQUIREMENTS and (name.lower() in _MISSPELT or name.lower() == REQUIREMENTS)


def requirements_not_found(seen: str) -> BuildError:
    """The error for code that plainly needs packages where no file names any."""
    return BuildError(
        "There is no file that says which packages to install.",
        detail=f"{seen} There is no requirements.txt and no uv.lock in the top folder.",
        advice="Write the packages into requirements.txt, one a line, and commit it:"
        " `pip freeze > requirements.txt`. If it is there, check that .gitignore does not name it.",
        reason="build/requirements-not-found",
    )


def _require_pyproject(tree: Tree) -> None:
    if not tree.has(PYPROJECT):
        raise BuildError(
            "There is a uv.lock, but no pyproject.toml.",
            detail="uv installs from both together.",
            advice="Commit pyproject.toml as well: `git add pyproject.toml`.",
            reason="build/pyproject-missing",
        )


def _refuse_misspelt(tree: Tree) -> None:
    for name in tree.names():
        if is_misspelt_requirements(name):
            raise BuildError(
                f"The file {name} is not read: did you mean requirements.txt?",
                detail="Packages are installed from a file of exactly this name in the top folder.",
                advice=f"Rename it: `git mv {name} requirements.txt`.",
                reason="build/requirements-misspelt",
            )


def _refuse_unsupported(tree: Tree) -> None:
    for file, way in _UNSUPPORTED.items():
        if tree.has(file):
            raise _unsupported(
                f"{file} is in the push, and neither requirements.txt nor uv.lock.", way
            )
    if "project" in read_pyproject(tree) or "poetry" in read_pyproject(tree).get("tool", {}):
        raise _unsupported(
            "pyproject.toml is in the push, and neither uv.lock nor requirements.txt.",
            "Run `uv lock` and commit uv.lock.",
        )


def _unsupported(detail: str, way: str) -> BuildError:
    return BuildError(
        "The packages of this app cannot be installed from the files it has.",
        detail=detail,
        advice=f"{_SUPPORTED} {way}",
        reason="build/package-manager-unsupported",
    )

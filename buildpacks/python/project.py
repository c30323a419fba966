"""pyproject.toml and uv.lock as far as they decide what is installed."""

import tomllib
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from receiver.model.build import Tree
from receiver.model.errors import BuildError

PYPROJECT = "pyproject.toml"
SETUP = "setup.py"
UV_LOCK = "uv.lock"
_MERGED = "Marks of an unfinished merge are a usual cause. Make the file again with"
_REPAIRS = {UV_LOCK: f"{_MERGED} `uv lock`.", "poetry.lock": f"{_MERGED} `poetry lock`."}
_COPIED = ("directory", "path")


class Lock(msgspec.Struct, frozen=True):
    """What uv.lock says."""

    versions: Mapping[str, str]
    """Of each package that a server installs, by its name: without what only development needs."""
    registries: frozenset[str]
    linked: tuple[str, ...]
    """Folders of the tree whose packages stay there."""
    copied: tuple[str, ...]
    """Folders and files of the tree that a copy of is installed."""


def read_pyproject(tree: Tree) -> dict[str, Any]:
    """The tables of pyproject.toml; none where there is no such file.

    Raises:
        BuildError: it is not TOML.
    """
    return read_toml(tree, PYPROJECT) if tree.has(PYPROJECT) else {}


def requires_python(tree: Tree) -> str:
    """The range of Pythons that the project asks for; nothing when it does not say."""
    found = table(read_pyproject(tree), "project").get("requires-python", "")
    return found if isinstance(found, str) else ""


def read_lock(tree: Tree) -> Lock:
    """What uv.lock holds.

    Raises:
        BuildError: it is not TOML.
    """
    packages = [one for one in listed(read_toml(tree, UV_LOCK), "package") if isinstance(one, dict)]
    sources = [table(package, "source") for package in packages]
    return Lock(
        versions=_installed(packages),
        registries=frozenset(str(one["registry"]) for one in sources if "registry" in one),
        linked=tuple(str(one["editable"]) for one in sources if "editable" in one),
        copied=tuple(str(one[key]) for one in sources for key in _COPIED if key in one),
    )


def _installed(packages: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """What is reached from the project's own dependencies, as `uv sync` without groups installs
    it.
    """
    by_name = {str(one.get("name")): one for one in packages}
    todo = [(name, "") for name, one in by_name.items() if _is_root(table(one, "source"))]
    reached: set[tuple[str, str]] = set()
    while todo:
        name, extra = step = todo.pop()
        if step in reached or name not in by_name:
            continue
        reached.add(step)
        package = by_name[name]
        extras = table(package, "optional-dependencies")
        for need in listed(extras, extra) if extra else listed(package, "dependencies"):
            todo += [(str(need.get("name")), one) for one in ("", *listed(need, "extra"))]
    return {name: str(by_name[name].get("version", "")) for name, _ in reached}


def _is_root(source: Mapping[str, Any]) -> bool:
    return bool({"virtual", "editable"} & source.keys()) or source.get("directory") == "."


def declared_indexes(pyproject: Mapping[str, Any]) -> frozenset[str]:
    """Addresses of the package indexes that the project itself names."""
    uv = table(table(pyproject, "tool"), "uv")
    named = {str(one.get("url")) for one in listed(uv, "index") if isinstance(one, dict)}
    return frozenset(named | {str(uv[key]) for key in ("index-url",) if key in uv})


def read_toml(tree: Tree, path: str) -> dict[str, Any]:
    """The tables of a TOML file of the tree.

    Raises:
        BuildError: it is not TOML
    """
    try:
        return tomllib.loads(tree.read(path).decode("utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BuildError(
            f"{path} cannot be read.",
            detail=f"It is not valid TOML: {error}.",
            advice=_REPAIRS.get(path, "Repair the named place and commit again."),
            reason="build/toml-invalid",
        ) from error


def table(parent: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """A table in a table; an empty one where there is none."""
    found = parent.get(name)
    return found if isinstance(found, dict) else {}


def listed(parent: Mapping[str, Any], name: str) -> list[Any]:
    """A list in a table; an empty one where there is none."""
    found = parent.get(name)
    return found if isinstance(found, list) else []


def asks_for_packages(pyproject: Mapping[str, Any]) -> bool:
    """Whether it names packages to install, and is not for tools alone."""
    project = table(pyproject, "project")
    poetry = table(table(table(pyproject, "tool"), "poetry"), "dependencies")
    return bool(
        project.get("dependencies")
        or "dependencies" in listed(project, "dynamic")
        or poetry.keys() - {"python"}
    )


def is_named(pyproject: Mapping[str, Any]) -> bool:
    """Whether it describes a project, though one without any dependency."""
    return "project" in pyproject or "poetry" in table(pyproject, "tool")


def is_workspace(pyproject: Mapping[str, Any]) -> bool:
    """Whether other projects of the tree belong to it."""
    return "workspace" in table(table(pyproject, "tool"), "uv")

"""What a project of poetry or pipenv asks for without a lock, as lines of a requirements file."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from buildpacks.python.pins import git_url, in_tree, is_usual, normalised
from buildpacks.python.pipfile import PIPFILE
from buildpacks.python.project import PYPROJECT, SETUP, listed, read_pyproject, read_toml, table
from buildpacks.python.versions import satisfies_constraint, standard
from receiver.model.build import Interpreter, Tree

_Table = Mapping[str, Any]
_TRANSLATED = frozenset({"poetry", PIPFILE})


class Wishes(msgspec.Struct, frozen=True):
    """What a file asks for."""

    kind: str
    """The name of the file, or `poetry` for a pyproject.toml in poetry's own form."""
    lines: tuple[str, ...]
    chooses: bool
    """Whether versions are left to choose."""
    builds: bool
    """Whether it names what builds the project."""

    @property
    def is_translated(self) -> bool:
        """Whether uv is given the lines, because it does not read the file itself."""
        return self.kind in _TRANSLATED

    @property
    def text(self) -> str:
        return "".join(f"{line}\n" for line in self.lines)

    @property
    def linked(self) -> tuple[str, ...]:
        """Folders of the tree whose packages stay there."""
        return tuple(it.removeprefix("-e ") for it in self.lines if it.startswith("-e ."))

    @property
    def copied(self) -> tuple[str, ...]:
        """Folders and files of the tree that a copy of is installed."""
        return tuple(it for it in self.lines if it.startswith("./"))


def read_wishes(tree: Tree, python: Interpreter, path: str) -> Wishes:
    """What pyproject.toml, setup.py or a Pipfile asks for.

    Raises:
        BuildError: one of them is not TOML
    """
    pyproject = read_pyproject(tree)
    project = table(pyproject, "project")
    is_dynamic = "dependencies" in listed(project, "dynamic")
    is_said = "dependencies" in project or is_dynamic
    kind, lines = path, tuple(map(str, listed(project, "dependencies")))
    if path == PIPFILE:
        lines = pipfile_lines(tree)
    elif path == PYPROJECT and not is_said and "poetry" in table(pyproject, "tool"):
        kind, lines = "poetry", poetry_lines(pyproject, python)
    chooses = bool(lines) or is_dynamic or path == SETUP
    return Wishes(kind, lines, chooses, "build-system" in pyproject)


def poetry_lines(pyproject: _Table, python: Interpreter) -> tuple[str, ...]:
    """The dependencies of `[tool.poetry]`, without those of its groups and extras."""
    found = table(table(table(pyproject, "tool"), "poetry"), "dependencies")
    return tuple(
        line
        for name, wish in found.items()
        if name != "python"
        for one in (wish if isinstance(wish, list) else [wish])
        for line in _poetry_line(name, one if isinstance(one, dict) else {"version": one}, python)
    )


def pipfile_lines(tree: Tree) -> tuple[str, ...]:
    """The packages of a Pipfile, and the indexes that they come from.

    Raises:
        BuildError: it is not TOML
    """
    pipfile = read_toml(tree, PIPFILE)
    sources = (one for one in listed(pipfile, "source") if isinstance(one, dict))
    urls = [str(one.get("url", "")) for one in sources]
    others = [url for url in urls if url and not is_usual(url)]
    options = ("--extra-index-url",) * len(others) if len(others) < len(urls) else ("--index-url",)
    indexes = [f"{option} {url}" for option, url in zip(options, others, strict=False)]
    packages = table(pipfile, "packages").items()
    return (*indexes, *(_pipfile_line(name, one) for name, one in packages))


def pipfile_python(tree: Tree) -> str:
    """The Python that a Pipfile asks for; nothing where it names none."""
    requires = table(read_toml(tree, PIPFILE), "requires")
    return str(requires.get("python_full_version", requires.get("python_version", "")))


def specifiers(lines: tuple[str, ...]) -> dict[str, str]:
    """The range that each line asks for, by the name of its package."""
    found = {}
    for line in lines:
        if match := re.match(r"([A-Za-z0-9][\w.-]*)\s*(?:\[[^]]*\])?\s*([=<>!~][^;]*)?", line):
            found[normalised(match[1])] = (match[2] or "").strip()
    return found


def _poetry_line(name: str, form: _Table, python: Interpreter) -> Iterator[str]:
    if form.get("optional") or form.get("platform", "linux") != "linux":
        return
    if not satisfies_constraint(python.version, str(form.get("python", "*"))):
        return
    yield _line(name, form, standard(str(form.get("version", "*"))), _reference(form))


def _reference(form: _Table) -> str:
    return str(form.get("rev") or form.get("tag") or form.get("branch") or form.get("ref") or "")


def _pipfile_line(name: str, wish: object) -> str:
    form = wish if isinstance(wish, dict) else {"version": wish}
    version = str(form.get("version", "*"))
    return _line(name, form, "" if version == "*" else version, str(form.get("ref", "")))


def _line(name: str, form: _Table, version: str, reference: str) -> str:
    if place := form.get("path") or (
        form.get("file") if "://" not in str(form.get("file")) else ""
    ):
        local = in_tree(str(place))
        return f"-e {local}" if form.get("editable") or form.get("develop") else local
    extras = ",".join(map(str, listed(form, "extras")))
    named = f"{name}[{extras}]" if extras else name
    if "git" in form:
        at = f"@{reference}" if reference else ""
        below = f"#subdirectory={form['subdirectory']}" if "subdirectory" in form else ""
        named = f"{named} @ git+{git_url(str(form['git']))}{at}{below}"
    elif url := form.get("url") or form.get("file"):
        named = f"{named} @ {url}"
    else:
        named += version
    markers = str(form.get("markers", ""))
    return f"{named} ; {markers}" if markers else named

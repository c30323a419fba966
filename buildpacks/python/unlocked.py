"""What a project of poetry or pipenv asks for without a lock, as lines of a requirements file."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from buildpacks.python.pins import git_url, in_tree, is_usual, normalised
from buildpacks.python.pipfile import PIPFILE
from buildpacks.python.project import read_toml, table
from buildpacks.python.versions import satisfies_constraint, standard
from receiver.model.build import Interpreter, Tree

_Table = Mapping[str, Any]


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
    urls = [str(one.get("url", "")) for one in pipfile.get("source", [])]
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
    extras = ",".join(map(str, form.get("extras", ())))
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

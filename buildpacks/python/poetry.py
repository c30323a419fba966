"""poetry.lock, read as `poetry sync --only main` reads it: what is installed, or that it is out
of date.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from buildpacks.python.markers import Holds, markers_of
from buildpacks.python.pins import Index, Pin, Pinned, git_url, in_tree, is_usual, normalised
from buildpacks.python.project import PYPROJECT, listed, read_pyproject, read_toml, table
from buildpacks.python.versions import numbers, satisfies_constraint
from receiver.model.build import Interpreter, Tree
from receiver.model.errors import BuildError

POETRY_LOCK = "poetry.lock"
_NEWEST_FORMAT = 2
_WITH_GROUPS = (2, 1)
"""From this format on, each package names its groups and markers; before, they are followed from
pyproject.toml."""
_BEFORE_GROUPS_WERE_HASHED = (2, 3)
"""poetry's own version from which `[dependency-groups]` counts."""
_LEGACY_KEYS = ("dependencies", "source", "extras", "dev-dependencies")
_PROJECT_KEYS = ("requires-python", "dependencies", "optional-dependencies")

_Table = Mapping[str, Any]


class _Need(msgspec.Struct, frozen=True):
    """A dependency that is followed: which package, which of its extras, which of its versions."""

    name: str
    extras: tuple[str, ...] = ()
    constraint: str = "*"


def read_poetry(tree: Tree, python: Interpreter, config: Mapping[str, str]) -> Pinned:
    """What poetry.lock has installed on `python`.

    Raises:
        BuildError: it cannot be read, or pyproject.toml was changed after it
    """
    text = tree.read(POETRY_LOCK).decode("utf-8-sig", "replace")
    lock, project = read_toml(tree, POETRY_LOCK), read_pyproject(tree)
    version = _format(lock)
    _refuse_outdated(lock, project, text)
    holds = markers_of(python, POETRY_LOCK)
    packages = [one for one in listed(lock, "package") if isinstance(one, dict)]
    chosen = _grouped(packages, holds) if version >= _WITH_GROUPS else []
    if version < _WITH_GROUPS:
        chosen = list(_Walk(packages, holds, python).reached(_roots(project, holds, python)))
    files = table(table(lock, "metadata"), "files")
    pins = tuple(_linked(_pin(one, files, config), project) for one in chosen)
    return Pinned(POETRY_LOCK, pins, _installs_project(project), _notices(project))


def poetry_python(pyproject: _Table) -> str:
    """The range of Pythons in `[tool.poetry.dependencies]`; nothing when it does not say."""
    found = table(_poetry(pyproject), "dependencies").get("python", "")
    return found if isinstance(found, str) else ""


def _format(lock: _Table) -> tuple[int, ...]:
    version = numbers(str(table(lock, "metadata").get("lock-version", "")))
    if version and 1 <= version[0] <= _NEWEST_FORMAT:
        return version
    raise BuildError(
        "poetry.lock is of a kind that is not known.",
        detail="It names no format of poetry 1 or 2 as its `lock-version`.",
        advice="Make it again with `poetry lock`, and commit it.",
        reason="build/lock-invalid",
    )


def _refuse_outdated(lock: _Table, project: _Table, text: str) -> None:
    found = table(lock, "metadata").get("content-hash")
    made_by = re.search(r"Poetry ([0-9.]+)", text.partition("\n")[0])
    accepted = {_content_hash(project, groups=True)}
    if made_by and numbers(made_by[1]) < _BEFORE_GROUPS_WERE_HASHED:
        accepted.add(_content_hash(project, groups=False))
    if found not in accepted:
        raise BuildError(
            "poetry.lock does not fit pyproject.toml.",
            detail="What pyproject.toml asks for was changed after poetry.lock was made:"
            " the content-hash in it is another one.",
            advice="Run `poetry lock`, commit poetry.lock, and push again.",
            reason="build/lock-outdated",
        )


def _content_hash(pyproject: _Table, *, groups: bool) -> str:
    """The digest that poetry keeps of what a lock depends on, by its own rules for older
    projects.
    """
    project = {
        key: value
        for key, value in table(pyproject, "project").items()
        if key in _PROJECT_KEYS and value is not None
    }
    found_groups = table(pyproject, "dependency-groups") if groups else {}
    own = {key: _poetry(pyproject).get(key) for key in (*_LEGACY_KEYS, "group")}
    standard = bool(project or found_groups)
    kept = {
        key: value
        for key, value in own.items()
        if value is not None or (key in _LEGACY_KEYS and not standard)
    }
    relevant: dict[str, Any] = {"project": project} if project else {}
    if found_groups:
        relevant["dependency-groups"] = found_groups
    relevant = {**relevant, "tool": {"poetry": kept}} if standard else kept
    return hashlib.sha256(json.dumps(relevant, sort_keys=True).encode()).hexdigest()


def _grouped(packages: Sequence[_Table], holds: Holds) -> list[_Table]:
    return [
        one
        for one in packages
        if "main" in listed(one, "groups") and not one.get("optional") and holds(_marker(one))
    ]


def _marker(package: _Table) -> str:
    """When the main group needs it; one text for all groups, or one for each."""
    markers = package.get("markers", "")
    return str(markers.get("main", "")) if isinstance(markers, dict) else str(markers)


class _Walk:
    """Follows dependencies through a lock that does not say which group a package is of."""

    def __init__(self, packages: Sequence[_Table], holds: Holds, python: Interpreter) -> None:
        self._packages = packages
        self._holds = holds
        self._python = python

    def reached(self, roots: Sequence[_Need]) -> Iterator[_Table]:
        todo, seen, given = list(roots), set[_Need](), list[int]()
        while todo:
            need = todo.pop()
            if need in seen:
                continue
            seen.add(need)
            for package in self._fitting(need):
                if id(package) not in given:
                    given.append(id(package))
                    yield package
                todo += self._needs(package, need.extras)

    def _fitting(self, need: _Need) -> list[_Table]:
        named = [one for one in self._packages if normalised(str(one.get("name"))) == need.name]
        if len(named) == 1:
            return named
        fitting = (one for one in named if self._fits(one, need))
        return sorted(fitting, key=lambda one: numbers(str(one.get("version"))), reverse=True)[:1]

    def _fits(self, package: _Table, need: _Need) -> bool:
        pythons = str(package.get("python-versions", "*"))
        return satisfies_constraint(self._python.version, pythons) and satisfies_constraint(
            str(package.get("version")), need.constraint
        )

    def _needs(self, package: _Table, extras: tuple[str, ...]) -> Iterator[_Need]:
        offered = table(package, "extras")
        for name, wish in table(package, "dependencies").items():
            asked_by = [extra for extra in extras if _lists(listed(offered, extra), name)]
            for one in wish if isinstance(wish, list) else [wish]:
                form = one if isinstance(one, dict) else {"version": one}
                if form.get("optional") and not asked_by:
                    continue
                marker = str(form.get("markers", ""))
                if any(self._holds(marker, extra) for extra in asked_by or [""]):
                    yield _need(name, form)


def _lists(offered: Sequence[str], name: str) -> bool:
    return any(normalised(re.split(r"[^\w.-]", one)[0]) == normalised(name) for one in offered)


def _need(name: str, form: _Table) -> _Need:
    extras = tuple(map(str, form.get("extras", ())))
    return _Need(normalised(name), extras, str(form.get("version", "*")))


def _roots(pyproject: _Table, holds: Holds, python: Interpreter) -> list[_Need]:
    """What the project itself asks for, outside of its groups and extras."""
    if "dependencies" in table(pyproject, "project"):
        return list(_standard_roots(table(pyproject, "project")["dependencies"], holds))
    found = []
    for name, wish in table(_poetry(pyproject), "dependencies").items():
        for one in wish if isinstance(wish, list) else [wish]:
            form = one if isinstance(one, dict) else {"version": one}
            if name != "python" and _is_wanted(form, holds, python):
                found.append(_need(name, form))
    return found


def _standard_roots(lines: Sequence[str], holds: Holds) -> Iterator[_Need]:
    for line in lines:
        text, _, marker = line.partition(";")
        named = re.match(r"\s*([\w.-]+)\s*(?:\[([^]]*)\])?\s*([^@]*)", text)
        if named and holds(marker.strip()):
            extras = tuple(one.strip() for one in (named[2] or "").split(",") if one.strip())
            yield _Need(normalised(named[1]), extras, named[3].strip(" ()") or "*")


def _is_wanted(form: _Table, holds: Holds, python: Interpreter) -> bool:
    return (
        not form.get("optional")
        and form.get("platform", "linux") == "linux"
        and satisfies_constraint(python.version, str(form.get("python", "*")))
        and holds(str(form.get("markers", "")))
    )


def _pin(package: _Table, files: _Table, config: Mapping[str, str]) -> Pin:
    name, version = normalised(str(package.get("name"))), str(package.get("version", ""))
    source = table(package, "source")
    kind, url = source.get("type", ""), str(source.get("url", ""))
    if kind == "git":
        commit = source.get("resolved_reference") or source.get("reference")
        below = f"#subdirectory={source['subdirectory']}" if "subdirectory" in source else ""
        return Pin(name, f"{name} @ git+{git_url(url)}@{commit}{below}", version)
    if kind in ("directory", "file"):
        return Pin(name, in_tree(url), version, from_tree=in_tree(url))
    listed = package.get("files", files.get(name, files.get(str(package.get("name")), [])))
    hashes = tuple(sorted({str(one["hash"]) for one in listed if "hash" in one}))
    if kind == "url":
        return Pin(name, f"{name} @ {url}", version, hashes)
    index = _index(source, config) if kind == "legacy" else None
    return Pin(name, f"{name}=={version}", version, hashes, index)


def _linked(pin: Pin, pyproject: _Table) -> Pin:
    """The same; as a link where pyproject.toml has it developed in place."""
    for name, wish in table(_poetry(pyproject), "dependencies").items():
        if pin.from_tree and normalised(name) == pin.name and isinstance(wish, dict):
            return replace(pin, linked=bool(wish.get("develop")))
    return pin


def _index(source: _Table, config: Mapping[str, str]) -> Index | None:
    """None for the usual index, in whose place the machine may have another one."""
    if is_usual(str(source.get("url", ""))):
        return None
    name = str(source.get("reference", "index"))
    prefix = "POETRY_HTTP_BASIC_" + re.sub(r"[^A-Z0-9]", "_", name.upper())
    user, password = config.get(f"{prefix}_USERNAME", ""), config.get(f"{prefix}_PASSWORD", "")
    return Index(name, str(source.get("url", "")), user, password)


def _installs_project(pyproject: _Table) -> bool:
    return _is_package(pyproject) and "build-system" in pyproject


def _notices(pyproject: _Table) -> tuple[str, ...]:
    if not _is_package(pyproject) or "build-system" in pyproject:
        return ()
    said = (
        f"The project itself is not installed, because {PYPROJECT} has no [build-system];"
        " its modules are found in the top folder."
    )
    return (said,)


def _is_package(pyproject: _Table) -> bool:
    return bool(_poetry(pyproject).get("package-mode", True))


def _poetry(pyproject: _Table) -> _Table:
    return table(table(pyproject, "tool"), "poetry")

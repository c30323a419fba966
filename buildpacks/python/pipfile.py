"""Pipfile.lock, read as `pipenv install --deploy` reads it: what is installed, or that it is out
of date.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from buildpacks.python.markers import Holds, markers_of
from buildpacks.python.pins import Index, Pin, Pinned, git_url, in_tree, is_usual, normalised
from buildpacks.python.project import listed, read_toml, table
from receiver.model.build import Interpreter, Tree
from receiver.model.errors import BuildError
from receiver.model.patterns import regex

PIPFILE = "Pipfile"
PIPFILE_LOCK = "Pipfile.lock"
_USUAL = {"name": "pypi", "url": "https://pypi.org/simple", "verify_ssl": True}
_SECTIONS = (
    "source",
    "packages",
    "dev-packages",
    "requires",
    "scripts",
    "pipfile",
    "pipenv",
    "default",
    "develop",
)
"""Sections of a Pipfile that are no category of packages of the app's own."""
_MARKERS = (
    "os_name",
    "sys_platform",
    "platform_machine",
    "platform_python_implementation",
    "platform_system",
    "python_version",
    "python_full_version",
    "implementation_name",
)
"""Markers that may stand as keys of a package's own."""
_VARIABLE = regex(r"\$\{(\w+)\}|\$(\w+)")

_Table = Mapping[str, Any]


def read_pipfile(tree: Tree, python: Interpreter, config: Mapping[str, str]) -> Pinned:
    """What Pipfile.lock has installed on `python`.

    Raises:
        BuildError: it cannot be read, or the Pipfile was changed after it
    """
    lock = read_pipfile_lock(tree)
    _refuse_outdated(tree, lock)
    holds = markers_of(python, PIPFILE_LOCK)
    named = {str(one.get("name")): one for one in listed(_meta(lock), "sources")}
    indexes = {name: _index(one, config) for name, one in named.items()}
    packages = table(lock, "default").items()
    pins = tuple(_pin(name, one, indexes) for name, one in packages if holds(_marker(one, holds)))
    return Pinned(PIPFILE_LOCK, pins)


def read_pipfile_lock(tree: Tree) -> dict[str, Any]:
    """The parts of Pipfile.lock.

    Raises:
        BuildError: it is not JSON
    """
    try:
        found = json.loads(tree.read(PIPFILE_LOCK).decode("utf-8-sig"))
    except ValueError as error:
        raise _unreadable(f"It is not valid JSON: {error}.") from error
    if not isinstance(found, dict):
        raise _unreadable("It is valid JSON, and not a table.")
    return found


def pipfile_python(lock: _Table) -> tuple[str, str]:
    """Which of its keys names a Python, and what it says; two empty texts when none does."""
    requires = table(_meta(lock), "requires")
    for key in ("python_full_version", "python_version"):
        if found := requires.get(key):
            return key, str(found)
    return "", ""


def _unreadable(seen: str) -> BuildError:
    return BuildError(
        "Pipfile.lock cannot be read.",
        detail=seen,
        advice="Marks of an unfinished merge are a usual cause. Make the file again with"
        " `pipenv lock`, and commit it.",
        reason="build/lock-invalid",
    )


def _refuse_outdated(tree: Tree, lock: _Table) -> None:
    if not tree.has(PIPFILE):
        raise BuildError(
            "There is a Pipfile.lock, but no Pipfile.",
            detail="Whether the lock is up to date shows by both together.",
            advice="Commit the Pipfile as well: `git add Pipfile`.",
            reason="build/pipfile-missing",
        )
    if table(_meta(lock), "hash").get("sha256") != _digest(read_toml(tree, PIPFILE)):
        raise BuildError(
            "Pipfile.lock does not fit the Pipfile.",
            detail="What the Pipfile asks for was changed after Pipfile.lock was made:"
            " the hash in it is another one.",
            advice="Run `pipenv lock`, commit Pipfile.lock, and push again.",
            reason="build/lock-outdated",
        )


def _digest(pipfile: _Table) -> str:
    """The digest of a Pipfile that pipenv keeps in its lock."""
    content = {
        "_meta": {
            "sources": pipfile.get("source", [_USUAL]),
            "requires": pipfile.get("requires", {}),
        },
        "default": pipfile.get("packages", {}),
        "develop": pipfile.get("dev-packages", {}),
        **{name: value for name, value in pipfile.items() if name not in _SECTIONS},
    }
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _marker(package: _Table, holds: Holds) -> str:
    """The package's own marker; one that does not hold where a marker among its keys does not."""
    for key in _MARKERS:
        if key in package and not holds(f"{key} {package[key]}"):
            return f"{key} {package[key]}"
    return str(package.get("markers", ""))


def _pin(name: str, package: _Table, indexes: Mapping[str, Index | None]) -> Pin:
    name, version = normalised(name), str(package.get("version", "")).removeprefix("==")
    version = version.strip("*")
    if "git" in package:
        return _from_git(name, package)
    place = str(package.get("path", package.get("file", "")))
    hashes = tuple(sorted(map(str, listed(package, "hashes"))))
    if "://" in place and not place.startswith("file:"):
        return Pin(name, f"{name} @ {place}", version, hashes)
    if place:
        linked = bool(package.get("editable"))
        return Pin(name, in_tree(place), version, from_tree=in_tree(place), linked=linked)
    index = indexes.get(str(package["index"])) if "index" in package else _first(indexes)
    return Pin(name, f"{name}=={version}" if version else name, version, hashes, index)


def _from_git(name: str, package: _Table) -> Pin:
    url, ref = git_url(str(package["git"])), str(package.get("ref", ""))
    below = f"#subdirectory={package['subdirectory']}" if "subdirectory" in package else ""
    place = f"{name} @ git+{url}{f'@{ref}' if ref else ''}{below}"
    return Pin(name, place, moving="" if re.fullmatch(r"[0-9a-f]{40}", ref) else url)


def _first(indexes: Mapping[str, Index | None]) -> Index | None:
    return next(iter(indexes.values()), None)


def _index(source: _Table, config: Mapping[str, str]) -> Index | None:
    """None for the usual index, in whose place the machine may have another one."""
    url = _filled(str(source.get("url", "")), config)
    if is_usual(url):
        return None
    parts = urlsplit(url)
    port = f":{parts.port}" if parts.port else ""
    return Index(
        str(source.get("name", "")),
        parts._replace(netloc=f"{parts.hostname or ''}{port}").geturl(),
        unquote(parts.username or ""),
        unquote(parts.password or ""),
        verified=bool(source.get("verify_ssl", True)),
    )


def _filled(text: str, config: Mapping[str, str]) -> str:
    """The text with config vars in the place of their names."""
    return _VARIABLE.sub(lambda found: config.get(found[1] or found[2], found[0]), text)


def _meta(lock: _Table) -> _Table:
    return table(lock, "_meta")

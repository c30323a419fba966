"""A folder of the tree as a package: whether it can be installed, and which of its files decide
how.

An installed project stays in the tree: the virtualenv only says where to look. So only a change of
these files makes another virtualenv, and no change of code does.
"""

import hashlib
import posixpath
import re
from collections.abc import Iterator, Mapping
from typing import Any

from buildpacks.python.project import PYPROJECT, SETUP, read_toml, table
from receiver.model.build import Tree
from receiver.model.patterns import regex

_FILES = (PYPROJECT, SETUP, "setup.cfg")
_VERSION_FILES = frozenset(
    {"__init__.py", "__about__.py", "__version__.py", "_version.py", "version.py", "VERSION"}
)
_MOST_BYTES = 64 * 1024
_DEPTH = 3
_TEXT = regex(r"""["']?([\w./-]+\.(?:txt|in|toml|cfg))["']?""")
_MADE_BY_BUILDS = regex(
    r"version[-_]file\b|write[-_]to\b|ext[-_]modules|cythonize|\bExtension\(|cffi_modules"
    r"|maturin|mesonpy|scikit_build|py-build-cmake|setuptools[-_]rust|\[tool\.poetry\.build\]"
    r"|\[tool\.hatch\.build\.(?:targets\.\w+\.)?hooks\.(?!vcs)"
    r"|\[tool\.pdm\.build\][^\[]*run-setuptools"
)
"""Marks of a project whose build makes files that its package cannot do without."""
_VERSION_OF_GIT = regex(r"setuptools[-_]scm|hatch-vcs|setuptools-git-versioning|dunamai|\bpbr\b")
_NOT_FOUND_BY_SETUPTOOLS = frozenset(
    {
        "ci", "bin", "debian", "doc", "docs", "documentation", "manpages", "news", "newsfragments",
        "changelog", "test", "tests", "unit_test", "unit_tests", "example", "examples", "scripts",
        "tools", "util", "utils", "python", "build", "benchmark", "benchmarks", "exercise",
        "exercises", "htmlcov", "tasks", "fabfile",
    }
)  # fmt: skip
"""Folders that setuptools takes for no package of a project without a src/ folder."""
_MODULES_NOT_FOUND = frozenset(
    {
        "setup", "conftest", "test", "tests", "example", "examples", "build", "toxfile", "noxfile",
        "pavement", "dodo", "tasks", "fabfile",
    }
)  # fmt: skip

_Table = Mapping[str, Any]


def is_package(tree: Tree, folder: str = "") -> bool:
    """Whether what is in the folder can be installed, and not only what it asks for."""
    found = _pyproject(tree, folder)
    tools = table(found, "tool")
    if "package" in table(tools, "uv"):
        return bool(table(tools, "uv")["package"])
    if table(tools, "poetry").get("package-mode") is False:
        return False
    backend = str(table(found, "build-system").get("build-backend", ""))
    if tree.has(posixpath.join(folder, SETUP)):
        return True
    if "build-system" not in found:
        return "project" in found and bool(_packages(tree, posixpath.join(folder, "src")))
    if not backend or backend.startswith("setuptools"):
        return _found_by_setuptools(tree, folder, tools)
    if backend.partition(".")[0] in ("poetry", "hatchling", "flit_core", "uv_build", "pdm"):
        return _is_told_where(tools, backend) or _is_named_alike(tree, folder, found)
    return True


def makes_files(tree: Tree, folder: str = "") -> bool:
    """Whether its build makes files, such as a module in C or one that holds the version."""
    texts = _own_texts(tree, folder).values()
    return any(_MADE_BY_BUILDS.search(text) for text in texts) or any(
        "package-dir" in text or "package_dir" in text for text in texts if not _is_plain_src(text)
    )


def version_variables(tree: Tree, folder: str = "", version: str = "0") -> Mapping[str, str]:
    """What to tell a build that asks git for its version: a server has no history."""
    if not any(_VERSION_OF_GIT.search(text) for text in _own_texts(tree, folder).values()):
        return {}
    name = str(table(_pyproject(tree, folder), "project").get("name", ""))
    suffix = f"_FOR_{re.sub(r'[-_.]+', '_', name).upper()}" if name else ""
    return {f"SETUPTOOLS_SCM_PRETEND_VERSION{suffix}": version, "PBR_VERSION": version}


def deciding(tree: Tree, folder: str) -> dict[str, str]:
    """The texts that decide how a linked package is installed, by path."""
    own = _own_texts(tree, folder)
    texts = {posixpath.join(folder, name): text for name, text in own.items()}
    for name in {name for text in own.values() for name in _TEXT.findall(text)}:
        path = posixpath.normpath(posixpath.join(folder, name))
        if path not in texts and _is_short(tree, path):
            texts[path] = _text(tree, path)
    if _version_is_elsewhere(own):
        texts |= {f"{path}:version": line for path, line in _versions(tree, folder)}
    return texts


def contents(tree: Tree, path: str) -> str:
    """A digest of all that is in a folder, or of a file: a copy of it is installed."""
    digest = hashlib.sha256()
    start = f"{path}/" if path else ""
    for name in sorted(tree.files()):
        if name == path or name.startswith(start):
            digest.update(f"\0{name}\0".encode("utf-8", "surrogateescape"))
            for chunk in tree.chunks(name, _MOST_BYTES):
                digest.update(chunk)
    return digest.hexdigest()


def place_in_tree(requirement: str) -> str | None:
    """The path of a requirement such as `./lib[extra]` from the top; None for one elsewhere."""
    plain = re.split(r"[\[\s;#]", requirement.removeprefix("file:"), maxsplit=1)[0]
    path = posixpath.normpath(plain or ".")
    if path.startswith(("/", "..")):
        return None
    return "" if path == "." else path


def _pyproject(tree: Tree, folder: str) -> dict[str, Any]:
    path = posixpath.join(folder, PYPROJECT)
    return read_toml(tree, path) if tree.has(path) else {}


def _own_texts(tree: Tree, folder: str) -> dict[str, str]:
    paths = {name: posixpath.join(folder, name) for name in _FILES}
    return {name: _text(tree, path) for name, path in paths.items() if tree.has(path)}


def _text(tree: Tree, path: str) -> str:
    return tree.read(path).decode("utf-8", "replace")


def _is_short(tree: Tree, path: str) -> bool:
    return tree.has(path) and path in tree.members and tree.members[path].size <= _MOST_BYTES


def _version_is_elsewhere(own: Mapping[str, str]) -> bool:
    """Whether the version may be in another file than pyproject.toml."""
    return len(own) > 1 or PYPROJECT not in own or "dynamic" in own[PYPROJECT]


def _versions(tree: Tree, folder: str) -> Iterator[tuple[str, str]]:
    start = f"{folder}/" if folder else ""
    for path in sorted(tree.files()):
        below = path.removeprefix(start)
        near = path.startswith(start) and below.count("/") < _DEPTH
        if near and posixpath.basename(path) in _VERSION_FILES and _is_short(tree, path):
            whole = path.endswith("VERSION")
            lines = [
                it for it in _text(tree, path).splitlines() if whole or "version" in it.lower()
            ]
            yield path, "\n".join(lines)


def _is_plain_src(text: str) -> bool:
    """Whether a text that speaks of package_dir only says that packages are in src/."""
    return bool(
        re.search(r"""package[-_]dir[^\n]{0,200}\{\s*["']{2}\s*[:=]\s*["']src["']\s*\}""", text)
    ) or (re.search(r"""package_dir\s*=\s*\n\s+=\s*src\s*$""", text, re.MULTILINE) is not None)


def _packages(tree: Tree, folder: str) -> list[str]:
    """Folders with Python files, directly below a folder."""
    start = f"{folder}/" if folder else ""
    return sorted(
        {
            path.removeprefix(start).split("/")[0]
            for path in tree.files()
            if path.startswith(start) and path.endswith(".py") and "/" in path.removeprefix(start)
        }
    )


def _found_by_setuptools(tree: Tree, folder: str, tools: _Table) -> bool:
    """Whether setuptools finds what to install: one package at most, unless it is told."""
    own = table(tools, "setuptools")
    if any(key in own for key in ("packages", "py-modules", "package-dir", "ext-modules")):
        return True
    cfg = posixpath.join(folder, "setup.cfg")
    if tree.has(cfg) and re.search(r"^(?:packages|py_modules)\s*=", _text(tree, cfg), re.MULTILINE):
        return True
    if _packages(tree, posixpath.join(folder, "src")):
        return True
    start = f"{folder}/" if folder else ""
    folders = {
        path.removeprefix(start).split("/")[0]
        for path in tree.files()
        if path.startswith(start) and "/" in path.removeprefix(start)
    }
    packages = [
        one for one in folders if one.isidentifier() and one not in _NOT_FOUND_BY_SETUPTOOLS
    ]
    if packages:
        return len(packages) == 1
    modules = [
        path.removeprefix(start).removesuffix(".py")
        for path in tree.files()
        if path.startswith(start) and path.endswith(".py") and "/" not in path.removeprefix(start)
    ]
    return len([one for one in modules if one not in _MODULES_NOT_FOUND]) == 1


def _is_told_where(tools: _Table, backend: str) -> bool:
    """Whether the project says itself what is its package."""
    if backend.startswith("poetry"):
        return bool({"packages", "include"} & table(tools, "poetry").keys())
    if backend.startswith("hatchling"):
        build = table(table(tools, "hatch"), "build")
        wheel = table(table(build, "targets"), "wheel")
        keys = {"packages", "include", "only-include", "force-include", "bypass-selection"}
        return bool(keys & (wheel.keys() | build.keys()))
    if backend.startswith("flit"):
        return "module" in table(tools, "flit")
    if backend.startswith("uv_build"):
        return "build-backend" in table(tools, "uv")
    return True


def _is_named_alike(tree: Tree, folder: str, pyproject: _Table) -> bool:
    """Whether there is a package or module of the project's name, where such tools look for it."""
    own = table(pyproject, "project").get("name")
    name = str(own or table(table(pyproject, "tool"), "poetry").get("name", ""))
    wanted = re.sub(r"[-_.]+", "_", name).lower()
    start = f"{folder}/" if folder else ""
    tops = {
        path.removeprefix(start).removeprefix("src/").split("/")[0].removesuffix(".py").lower()
        for path in tree.files()
        if path.startswith(start) and path.endswith(".py")
    }
    return wanted in tops

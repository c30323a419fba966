"""Finds the web entry of an app without a Procfile: which module and name to serve, and why this
one.

The order stands in docs/decisions/0005-deciding-a-build.md: Django's manage.py, then modules of the
top folder, then packages, then the same below src/. The first that holds an application wins.
"""

import ast
import posixpath
from collections.abc import Iterator

import msgspec
from msgspec.structs import replace

from buildpacks.python.django import django_entry
from buildpacks.python.entry import Entry
from buildpacks.python.frameworks import LAST_RESORT
from buildpacks.python.modules import Modules, parse
from buildpacks.python.values import Application, Function, Scope
from receiver.model.build import Tree

MODULE_NAMES = (
    "wsgi",
    "asgi",
    "app",
    "main",
    "application",
    "server",
    "run",
    "api",
    "web",
    "index",
)
"""Explicit entry modules first: who writes a wsgi.py means it to be served."""
VARIABLE_NAMES = ("app", "application", "api")
FACTORY_NAMES = ("create_app", "make_app", "create_application", "build_app", "get_app")
_NO_APPS = ("test_", "conftest", "setup", "manage")
_MOST_OTHERS = 60
_ROOTS = ("", "src")
_NOT_PACKAGES = frozenset(
    {"tests", "test", "docs", "doc", "examples", "scripts", "migrations", "static", "templates"}
)


class Search(msgspec.Struct, frozen=True):
    """What was found, and what has to be told about the way there."""

    entry: Entry | None
    others: tuple[Entry, ...]
    """Entries that would have been taken without the first."""
    unreadable: tuple[str, ...]
    """Files that could not be understood, each with the reason."""


def find_entry(tree: Tree) -> Search:
    """Look through the tree, by its source alone."""
    if found := django_entry(tree):
        return Search(found, (), ())
    unreadable: list[str] = []
    entries: list[Entry] = []
    for root in _ROOTS:
        modules = Modules(tree, root)
        for name in _candidates(tree, root, modules):
            entry = _entry(modules, name, root)
            if entry is not None and "." in name:
                entry = _from_its_folder(tree, entry, name)
            if entry is not None and all(entry.path != known.path for known in entries):
                entries.append(entry)
            if entries and name not in MODULE_NAMES:
                break  # other entries of interest stand beside the first
        unreadable += [f"{path} ({why})" for path, why in modules.unreadable.items()]
        if entries:
            return Search(entries[0], tuple(entries[1:]), tuple(unreadable))
    return Search(None, (), tuple(unreadable))


def _candidates(tree: Tree, root: str, modules: Modules) -> Iterator[str]:
    """Dotted names of modules, most likely first."""
    yield from (name for name in MODULE_NAMES if modules.path(name))
    for package in _packages(tree, root):
        if package not in MODULE_NAMES and modules.path(package):
            yield package
        inner = (f"{package}.{name}" for name in MODULE_NAMES)
        yield from (name for name in inner if modules.path(name))
    yield from _other_modules(tree, root)


def _other_modules(tree: Tree, root: str) -> list[str]:
    """Modules of the folder by other names, such as PythonAnywhere's flask_app.py."""
    top = f"{root}/" if root else ""
    paths = (path.removeprefix(top) for path in tree.files() if path.startswith(top))
    names = sorted(path.removesuffix(".py") for path in paths if path.endswith(".py"))
    kept = [name for name in names if name.isidentifier() and not name.startswith(_NO_APPS)]
    return [name for name in kept if name not in MODULE_NAMES][:_MOST_OTHERS]


def _packages(tree: Tree, root: str) -> list[str]:
    """Folders with Python files directly in them, by name."""
    depth = 2 if root else 1
    folders = {
        parts[-2]
        for path in tree.files()
        if path.endswith(".py")
        and len(parts := path.split("/")) == depth + 1
        and (not root or parts[0] == root)
    }
    return sorted(
        name for name in folders if name.isidentifier() and name not in _NOT_PACKAGES | {"src"}
    )


def _from_its_folder(tree: Tree, entry: Entry, module: str) -> Entry:
    """The same entry, imported from the folder that its file is in, where the file imports its
    neighbours by their bare names: that works from there alone.
    """
    package, _, name = module.partition(".")
    folder = posixpath.join(entry.folder, package)
    file = f"{folder}/{name}.py"
    if not tree.has(file) or not _imports_neighbours(tree, folder, file):
        return entry
    because = f"{entry.because}, and imports its neighbours by their bare names"
    target = entry.target.removeprefix(f"{package}.")
    return replace(entry, target=target, folder=folder, because=because)


def _imports_neighbours(tree: Tree, folder: str, file: str) -> bool:
    parsed = parse(tree, file)
    top = posixpath.dirname(folder)
    for node in ast.walk(parsed) if parsed else ():
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name.partition(".")[0] for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                return False
            names = [(node.module or "").partition(".")[0]]
        beside = (name for name in names if _is_module(tree, folder, name))
        if any(not _is_module(tree, top, name) for name in beside):
            return True
    return False


def _is_module(tree: Tree, folder: str, name: str) -> bool:
    path = posixpath.join(folder, name)
    return tree.has(f"{path}.py") or tree.has_folder(path)


def _entry(modules: Modules, name: str, root: str) -> Entry | None:
    scope = modules.scope(name)
    if scope is None:
        return None
    return _variable(scope, name, root) or _factory(modules, scope, name, root)


def _variable(scope: Scope, module: str, root: str) -> Entry | None:
    names = (name for name in scope.names if not name.startswith("_"))
    known = ((name, scope.get(name)) for name in dict.fromkeys((*VARIABLE_NAMES, *names)))
    found = [(name, one) for name, one in known if isinstance(one, Application)]
    served = [(name, one) for name, one in found if one.interface != "neither"]
    for name, made in sorted(served, key=lambda pair: pair[1].constructor in LAST_RESORT):
        because = f"{scope.path} has {_seen(scope, name, made)}"
        target = f"{module}:{name}"
        return Entry(target, made.interface, because, made.path, root, made.constructor)
    return None


def _seen(scope: Scope, name: str, found: Application) -> str:
    code = found.code if "def " in found.code else f"{name} = {found.code}"
    if found.path == scope.path:
        return f"`{code}`"
    return f"`{name}`, which comes from {found.path} (`{found.code}`)"


def _factory(modules: Modules, scope: Scope, module: str, root: str) -> Entry | None:
    for name in FACTORY_NAMES:
        function = scope.get(name)
        if not isinstance(function, Function) or function.needs_arguments:
            continue
        if made := modules.result(function):
            because = f"{scope.path} has `{name}()`, which makes `{made.code}`"
            target = f"{module}:{name}()"
            path = function.scope.path
            return Entry(target, made.interface, because, path, root, made.constructor)
    return None

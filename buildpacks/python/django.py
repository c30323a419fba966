"""The web entry of a Django project: from manage.py to its settings to the wsgi module beside
them.
"""

import ast
import posixpath
from collections.abc import Iterator
from typing import NamedTuple

from buildpacks.python.entry import Entry
from buildpacks.python.modules import Modules, parse
from buildpacks.python.values import Application
from receiver.model.build import Tree

_SETTINGS = "DJANGO_SETTINGS_MODULE"
_MOST_MANAGE_BYTES = 512 * 1024
_CHANNELS = "channels.routing.ProtocolTypeRouter"
_DEEPEST = 2
_MODULES = ("wsgi", "asgi")
"""WSGI first: `startproject` writes both, and most projects are only tried with the former."""


def django_entry(tree: Tree) -> Entry | None:
    """The entry of the project whose manage.py stands in the top folder or one below."""
    for manage in manage_files(tree):
        folder = posixpath.dirname(manage)
        if settings := _settings_module(tree, manage):
            entry = _beside_settings(tree, folder, manage, settings)
            if entry is not None:
                return entry
    return next(filter(None, (_of_package(tree, manage) for manage in manage_files(tree))), None)


def manage_files(tree: Tree) -> list[str]:
    """Where manage.py stands: in the top folder, or one below; the nearest first."""
    found = [path for path in tree.files() if path.rpartition("/")[2] == "manage.py"]
    return sorted((path for path in found if path.count("/") <= 1), key=lambda p: (p.count("/"), p))


def is_django(tree: Tree, manage: str) -> bool:
    """Whether a manage.py is one of Django's, whatever names its settings."""
    return b"django" in (tree.peek(manage, _MOST_MANAGE_BYTES) or b"").lower()


def _of_package(tree: Tree, manage: str) -> Entry | None:
    """The entry beside a manage.py that names no settings itself: they come from config vars."""
    if not is_django(tree, manage):
        return None
    folder = posixpath.dirname(manage)
    modules = Modules(tree, folder)
    found = (_application(modules, package, folder) for package in _beside(tree, folder))
    first = next(filter(None, found), None)
    return first.entry(f"{manage} is Django's,") if first else None


def _beside(tree: Tree, folder: str) -> list[str]:
    """Packages of a folder with a wsgi or asgi module; the folder itself comes last."""
    top = f"{folder}/" if folder else ""
    inner = (path.removeprefix(top) for path in tree.files() if path.startswith(top))
    modules = (path.split("/") for path in inner if path.endswith(("wsgi.py", "asgi.py")))
    names = {".".join(parts[:-1]) for parts in modules if len(parts) <= _DEEPEST}
    return sorted(names, key=lambda name: (not name, name))


def _settings_module(tree: Tree, manage: str) -> str | None:
    """The text that follows "DJANGO_SETTINGS_MODULE" in a call or assignment of manage.py."""
    module = parse(tree, manage)
    nodes = ast.walk(module) if module else ()
    return next((text for node in nodes if (text := _named_settings(node))), None)


def _named_settings(node: ast.AST) -> str | None:
    match node:
        case ast.Call(args=[ast.Constant(value=name), ast.Constant(value=str(text))]):
            return text if name == _SETTINGS else None
        case ast.Assign(
            targets=[ast.Subscript(slice=ast.Constant(value=name))],
            value=ast.Constant(value=str(text)),
        ):
            return text if name == _SETTINGS else None
        case _:
            return None


def _beside_settings(tree: Tree, folder: str, manage: str, settings: str) -> Entry | None:
    modules = Modules(tree, folder)
    for package in _packages(settings):
        if found := _application(modules, package, folder):
            return found.entry(f"{manage} uses the settings {settings},")
    return None


class _Found(NamedTuple):
    """A wsgi or asgi module with its application."""

    dotted: str
    path: str
    application: Application
    folder: str

    def entry(self, why: str) -> Entry:
        made = self.application
        because = f"{why} and {self.path} has `application = {made.code}`"
        return Entry(f"{self.dotted}:application", made.interface, because, made.path, self.folder)


def _application(modules: Modules, package: str, folder: str) -> _Found | None:
    found = [
        _Found(dotted, scope.path, made, folder)
        for dotted in (f"{package}.{name}".strip(".") for name in _MODULES)
        if (scope := modules.scope(dotted)) is not None
        and isinstance(made := scope.get("application"), Application)
        and made.interface != "neither"
    ]
    # only the latter of two speaks websockets
    return min(found, key=lambda one: one.application.constructor != _CHANNELS, default=None)


def _packages(settings: str) -> Iterator[str]:
    """The packages around the settings, innermost first; last the top, for a flat project."""
    parts = settings.split(".")[:-1]
    for length in range(len(parts), -1, -1):
        yield ".".join(parts[:length])

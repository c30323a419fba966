"""The web entry of a Django project: from manage.py to its settings to the wsgi module beside
them.
"""

import ast
import posixpath
import warnings
from collections.abc import Iterator

from buildpacks.python.entry import Entry
from buildpacks.python.modules import Modules
from buildpacks.python.values import Application
from receiver.model.build import Tree

_SETTINGS = "DJANGO_SETTINGS_MODULE"
_MOST_MANAGE_BYTES = 512 * 1024
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
    return None


def manage_files(tree: Tree) -> list[str]:
    """Where manage.py stands: in the top folder, or one below; the nearest first."""
    found = [path for path in tree.files() if path.rpartition("/")[2] == "manage.py"]
    return sorted((path for path in found if path.count("/") <= 1), key=lambda p: (p.count("/"), p))


def _settings_module(tree: Tree, manage: str) -> str | None:
    """The text that follows "DJANGO_SETTINGS_MODULE" in a call or assignment of manage.py."""
    if tree.members[manage].size > _MOST_MANAGE_BYTES:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            module = ast.parse(tree.read(manage))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return next((text for node in ast.walk(module) if (text := _named_settings(node))), None)


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
        for name in _MODULES:
            dotted = f"{package}.{name}".strip(".")
            scope = modules.scope(dotted)
            found = scope.get("application") if scope else None
            if isinstance(found, Application) and found.interface != "neither" and scope:
                because = (
                    f"{manage} uses the settings {settings},"
                    f" and {scope.path} has `application = {found.code}`"
                )
                target = f"{dotted}:application"
                return Entry(target, found.interface, because, found.path, folder)
    return None


def _packages(settings: str) -> Iterator[str]:
    """The packages around the settings, innermost first; last the top, for a flat project."""
    parts = settings.split(".")[:-1]
    for length in range(len(parts), -1, -1):
        yield ".".join(parts[:length])

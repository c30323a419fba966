"""What can be known of a name without running the code that binds it."""

import ast

import msgspec

from buildpacks.python.frameworks import CONSTRUCTORS, Interface


class Application(msgspec.Struct, frozen=True):
    """A web application, and the place that makes it."""

    interface: Interface
    code: str
    """`Flask(...)`, or the head of a function."""
    path: str
    constructor: str = ""


class Outside(msgspec.Struct, frozen=True):
    """Something of a package that is not in the tree, by its full name."""

    name: str


class Inside(msgspec.Struct, frozen=True):
    """A module of the tree."""

    name: str


class Maker(msgspec.Struct, frozen=True):
    """A class of the app's own; calling it gives an application."""

    interface: Interface
    name: str
    path: str


class Function(msgspec.Struct, frozen=True, eq=False):
    """A function of the app's own, with the names it sees."""

    node: ast.FunctionDef
    scope: "Scope"

    @property
    def needs_arguments(self) -> bool:
        args = self.node.args
        required = len(args.posonlyargs) + len(args.args) - len(args.defaults)
        return required > 0 or None in args.kw_defaults


Value = Application | Outside | Inside | Maker | Function | None


class Scope:
    """The names of one module or function."""

    def __init__(self, path: str, package: str, outer: "Scope | None" = None) -> None:
        self.path = path
        self.package = package
        self.names: dict[str, Value] = {}
        self.stars: list[str] = []
        self._outer = outer

    def get(self, name: str) -> Value:
        if name in self.names:
            return self.names[name]
        starred = (f"{star}.{name}" for star in self.stars)
        if known := next((full for full in starred if full in CONSTRUCTORS), None):
            return Outside(known)
        return self._outer.get(name) if self._outer else None

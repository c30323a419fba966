"""Which names of a module are web applications: its source is read and followed, never imported.

Statements of the top level are gone through in order, as Python would, keeping for each name what
is known of it. What is not known stays unknown: a wrong guess would be found out only by the check.
"""

import ast
import warnings
from collections.abc import Iterable, Iterator, Sequence

from buildpacks.python.frameworks import CONSTRUCTORS, METHODS, SERVABLE_ATTRIBUTES, Interface
from buildpacks.python.values import Application, Function, Inside, Maker, Outside, Scope, Value
from receiver.model.build import Tree

_MAX_SOURCE_BYTES = 512 * 1024
_MAX_DEPTH = 12
"""Of calls that are followed into each other; a circle ends here."""
_MAX_CALLS = 2_000
"""Of calls followed in one search: source that multiplies them cannot hold up a deploy."""
_SIGNATURES: dict[tuple[str, ...], Interface] = {
    ("environ", "start_response"): "wsgi",
    ("env", "start_response"): "wsgi",
    ("scope", "receive", "send"): "asgi",
}
_USUAL_NAMES = {"app", "application"}


def parse(tree: Tree, path: str) -> ast.Module | None:
    """The source of a file; None where there is none, or it cannot be understood."""
    try:
        return _parse(tree, path)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _parse(tree: Tree, path: str) -> ast.Module:
    text = tree.peek(path, _MAX_SOURCE_BYTES)
    if text is None:
        raise ValueError
    with warnings.catch_warnings():
        # about the app's source; its author sees them elsewhere
        warnings.simplefilter("ignore")
        return ast.parse(text)


class Modules:
    """The modules below one folder of the tree, read when they are asked for."""

    def __init__(self, tree: Tree, root: str = "") -> None:
        self._tree = tree
        self._root = f"{root}/" if root else ""
        self._read: dict[str, Scope | None] = {}
        self._calls_left = _MAX_CALLS
        self.unreadable: dict[str, str] = {}
        """Why a file could not be understood, by its path."""

    def path(self, name: str) -> str | None:
        """The file of a module, by its dotted name."""
        base = self._root + name.replace(".", "/")
        return next((p for p in (f"{base}.py", f"{base}/__init__.py") if self._tree.has(p)), None)

    def scope(self, name: str) -> Scope | None:
        """What a module's names are; None when there is no such module, or it cannot be read."""
        if name not in self._read:
            self._read[name] = None  # a circle of imports finds nothing here yet, as in Python
            path = self.path(name)
            if path is not None:
                self._read[name] = self._evaluate(name, path)
        return self._read[name]

    def _evaluate(self, name: str, path: str) -> Scope | None:
        is_package = path.endswith("/__init__.py")
        scope = Scope(path, name if is_package else name.rpartition(".")[0])
        self._read[name] = scope
        try:
            _Reader(self, scope).run(_parse(self._tree, path).body)
        except SyntaxError as error:
            self.unreadable[path] = f"line {error.lineno}: {error.msg}"
        except (ValueError, RecursionError, MemoryError):
            self.unreadable[path] = "it cannot be parsed"
        return scope

    def member(self, module: str, name: str) -> Value:
        """What `from module import name` gives."""
        scope = self.scope(module)
        if scope is not None and scope.get(name) is not None:
            return scope.get(name)
        full = f"{module}.{name}" if module else name
        if self.path(full) is not None or self._is_folder(full):
            return Inside(full)
        return None if scope is not None else Outside(full)

    def is_inside(self, module: str) -> bool:
        return self.path(module) is not None or self._is_folder(module)

    def result(self, function: Function, depth: int = 0) -> Application | None:
        """The application that a function returns, as far as its source tells."""
        self._calls_left -= 1
        if depth >= _MAX_DEPTH or self._calls_left < 0:
            return None
        scope = Scope(function.scope.path, function.scope.package, function.scope)
        reader = _Reader(self, scope, depth + 1)
        reader.run(function.node.body)
        return reader.returned if isinstance(reader.returned, Application) else None

    def _is_folder(self, module: str) -> bool:
        return self._tree.has_folder(self._root + module.replace(".", "/"))


class _Reader:
    """Goes through statements and keeps what is known of names in a scope."""

    def __init__(self, modules: Modules, scope: Scope, depth: int = 0) -> None:
        self._modules = modules
        self._scope = scope
        self._depth = depth
        self.returned: Value = None

    def run(self, statements: Iterable[ast.stmt]) -> None:
        for statement in _flat(statements):
            match statement:
                case ast.Import(names=names):
                    self._import(names)
                case ast.ImportFrom():
                    self._import_from(statement)
                case ast.FunctionDef() | ast.AsyncFunctionDef():
                    self._scope.names[statement.name] = self._function(statement)
                case ast.ClassDef():
                    self._scope.names[statement.name] = self._class(statement)
                case _:
                    self._run_expression(statement)

    def _run_expression(self, statement: ast.stmt) -> None:
        match statement:
            case ast.Assign(targets=targets, value=value):
                self._assign(targets, value)
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                self._assign([target], value)
            case ast.Return(value=ast.expr() as value):
                self.returned = self._value(value) or self.returned
            case _:
                pass

    def _import(self, names: Sequence[ast.alias]) -> None:
        for alias in names:
            full = alias.name if alias.asname else alias.name.partition(".")[0]
            known = Inside(full) if self._modules.is_inside(full) else Outside(full)
            self._scope.names[alias.asname or full] = known

    def _import_from(self, statement: ast.ImportFrom) -> None:
        module = self._absolute(statement)
        for alias in statement.names:
            if alias.name == "*":
                self._import_star(module)
            else:
                found = self._modules.member(module, alias.name)
                self._scope.names[alias.asname or alias.name] = found

    def _import_star(self, module: str) -> None:
        scope = self._modules.scope(module)
        if scope is None:
            self._scope.stars.append(module)
        elif scope is not self._scope:
            self._scope.names |= scope.names

    def _absolute(self, statement: ast.ImportFrom) -> str:
        if not statement.level:
            return statement.module or ""
        package = self._scope.package.split(".")
        base = package[: len(package) - statement.level + 1]
        return ".".join([*base, *([statement.module] if statement.module else [])]).strip(".")

    def _assign(self, targets: Sequence[ast.expr], value: ast.expr) -> None:
        known = self._value(value)
        for target in targets:
            # FastHTML's `app, rt = fast_app()`: the application comes first.
            first = target.elts[0] if isinstance(target, ast.Tuple) and target.elts else target
            if isinstance(first, ast.Name):
                self._scope.names[first.id] = known

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> Value:
        names = tuple(arg.arg for arg in (*node.args.posonlyargs, *node.args.args))
        is_async = isinstance(node, ast.AsyncFunctionDef)
        interface = _SIGNATURES.get(names) or _called_as(node, names)
        if interface is not None and is_async is (interface == "asgi"):
            head = f"{'async ' * is_async}def {node.name}({', '.join(names)})"
            return Application(interface, head, self._scope.path)
        return Function(node, self._scope) if isinstance(node, ast.FunctionDef) else None

    def _class(self, node: ast.ClassDef) -> Value:
        for base in node.bases:
            known = self._value(base)
            if isinstance(known, Maker):
                return Maker(known.interface, node.name, self._scope.path)
            if isinstance(known, Outside) and known.name in CONSTRUCTORS:
                return Maker(CONSTRUCTORS[known.name], node.name, self._scope.path)
        for method in node.body:
            if isinstance(method, ast.FunctionDef | ast.AsyncFunctionDef):
                names = tuple(arg.arg for arg in method.args.args[1:])
                if method.name == "__call__" and names in _SIGNATURES:
                    return Maker(_SIGNATURES[names], node.name, self._scope.path)
        return None

    def _value(self, expression: ast.expr) -> Value:
        match expression:
            case ast.Name(id=name):
                return self._scope.get(name)
            case ast.Attribute(value=owner, attr=name):
                return self._attribute(self._value(owner), name)
            case ast.Call():
                return self._call(expression)
            case _:
                return None

    def _attribute(self, owner: Value, name: str) -> Value:
        match owner:
            case Outside(name=module):
                return Outside(f"{module}.{name}")
            case Inside(name=module):
                return self._modules.member(module, name)
            case Application(constructor=made_by, code=code, path=path):
                interface = SERVABLE_ATTRIBUTES.get(f"{made_by}.{name}")
                return Application(interface, f"{code}.{name}", path) if interface else None
            case _:
                return None

    def _call(self, call: ast.Call) -> Value:
        code = f"{ast.unparse(call.func)}(...)"
        called = self._value(call.func)
        if isinstance(called, Outside) and called.name in CONSTRUCTORS:
            interface = CONSTRUCTORS[called.name]
            return Application(interface, code, self._scope.path, called.name)
        if isinstance(called, Maker):
            return Application(called.interface, code, self._scope.path)
        if isinstance(called, Function):
            return self._modules.result(called, self._depth)
        if isinstance(call.func, ast.Attribute) and call.func.attr in METHODS:
            return Application(METHODS[call.func.attr], code, self._scope.path)
        return self._wrapped(call)

    def _wrapped(self, call: ast.Call) -> Value:
        """Middleware: an unknown call that is given an application is taken to give one as well."""
        given = [*call.args, *(keyword.value for keyword in call.keywords)]
        values = (self._value(one) for one in given)
        return next((one for one in values if isinstance(one, Application)), None)


def _flat(statements: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """Statements with those inside `if`, `try` and `with`; not what only runs as a script."""
    for statement in statements:
        match statement:
            case ast.If(test=test) if "__name__" in ast.unparse(test):
                yield from _flat(statement.orelse)
            case ast.If(body=body, orelse=orelse):
                yield from _flat([*orelse, *body])
            case ast.Try(body=body, orelse=orelse, finalbody=final):
                yield from _flat([*body, *orelse, *final])
            case ast.With(body=body):
                yield from _flat(body)
            case _:
                yield statement


def _called_as(
    node: ast.FunctionDef | ast.AsyncFunctionDef, names: Sequence[str]
) -> Interface | None:
    """What a function is by its usual name and by what it calls: the last of two parameters with
    a status and headers, or the last of three with a message.
    """
    arguments = {2: 2, 3: 1}.get(len(names))
    calls = (it for it in ast.walk(node) if isinstance(it, ast.Call) and len(it.args) == arguments)
    if node.name not in _USUAL_NAMES or not any(
        isinstance(call.func, ast.Name) and call.func.id == names[-1] for call in calls
    ):
        return None
    return "wsgi" if arguments == 2 else "asgi"  # noqa: PLR2004 - status and headers

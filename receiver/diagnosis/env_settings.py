"""Which variables the settings classes of an app read, as pydantic names them; from its source,
which is never run. Pure.
"""

import ast
from collections.abc import Iterable, Iterator, Mapping

import msgspec

BASE = "BaseSettings"


class Names(msgspec.Struct, frozen=True):
    """How a settings class makes a variable's name of a field's."""

    prefix: str = ""
    fields: frozenset[str] = frozenset()
    case_sensitive: bool = False

    def variable(self, told: str) -> str:
        """The variable of a field that pydantic told of; it tells an alias as it is written."""
        name = f"{self.prefix}{told}" if told in self.fields else told
        return name if self.case_sensitive else name.upper()


class _Class(msgspec.Struct):
    bases: list[str]
    fields: set[str] = msgspec.field(default_factory=set)
    prefix: str | None = None
    case_sensitive: bool | None = None


def classes(sources: Iterable[str]) -> Mapping[str, Names]:
    """The settings classes of some modules, by name."""
    known: dict[str, _Class] = {}
    for source in sources:
        try:
            tree = ast.parse(source)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue  # written for another Python, or not at all
        known |= {
            node.name: _read(node) for node in ast.walk(tree) if isinstance(node, ast.ClassDef)
        }
    return {name: _names(name, known) for name in known if BASE in _line(name, known)}


def _line(name: str, known: Mapping[str, _Class]) -> list[str]:
    """A class and all that it inherits from, the nearest first, each once."""
    line, waiting = [], [name]
    while waiting:
        one = waiting.pop(0)
        if one not in line:
            line.append(one)
            waiting += known[one].bases if one in known else []
    return line


def _names(name: str, known: Mapping[str, _Class]) -> Names:
    line = [known[one] for one in _line(name, known) if one in known]
    prefixes = (one.prefix for one in line if one.prefix is not None)
    cases = (one.case_sensitive for one in line if one.case_sensitive is not None)
    fields = frozenset(each for one in line for each in one.fields)
    return Names(next(prefixes, ""), fields, next(cases, False))


def _read(node: ast.ClassDef) -> _Class:
    found = _Class([_last_name(base) for base in node.bases])
    for given in node.keywords:  # class Conf(BaseSettings, env_prefix="BLOG_")
        _take(found, given.arg, given.value)
    for part in node.body:
        if isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name):
            found.fields.add(part.target.id)
        for name, value in _configured(part):
            _take(found, name, value)
    return found


def _configured(part: ast.stmt) -> Iterator[tuple[str | None, ast.expr]]:
    """What `model_config = SettingsConfigDict(…)`, a dict, or `class Config:` says."""
    if isinstance(part, ast.ClassDef) and part.name == "Config":
        for inner in part.body:
            if isinstance(inner, ast.Assign) and isinstance(inner.targets[0], ast.Name):
                yield inner.targets[0].id, inner.value
    value = part.value if isinstance(part, ast.Assign | ast.AnnAssign) else None
    if isinstance(value, ast.Call):
        yield from ((given.arg, given.value) for given in value.keywords)
    elif isinstance(value, ast.Dict):
        for key, given in zip(value.keys, value.values, strict=True):
            if isinstance(key, ast.Constant) and isinstance(key.value, str):
                yield key.value, given


def _take(found: _Class, name: str | None, value: ast.expr) -> None:
    constant = value.value if isinstance(value, ast.Constant) else None
    if name == "env_prefix" and isinstance(constant, str):
        found.prefix = constant
    elif name == "case_sensitive" and isinstance(constant, bool):
        found.case_sensitive = constant


def _last_name(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""

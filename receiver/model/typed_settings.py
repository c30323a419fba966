"""Settings of the server as they are typed: `KEY=VALUE` to a value of its type, and back. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from receiver.model.certificate import is_wildcard
from receiver.model.domains import parse_domain
from receiver.model.errors import UsageError
from receiver.model.settings import Server

Key = tuple[str, ...]
"""A setting, or a table and a name in it, such as `buildpacks.go`."""
_BOOLEANS = {
    **dict.fromkeys(("true", "on", "yes"), True),
    **dict.fromkeys(("false", "off", "no"), False),
}
_LOCAL = "localhost"


def parse(words: Sequence[str]) -> Mapping[Key, Any]:
    """What `KEY=VALUE` words set.

    Raises:
        UsageError: there is no such setting, or the value is not of its type
    """
    if not words:
        raise _bad("Nothing to set.", "Each setting is KEY=VALUE, such as keep_releases=5.")
    pairs = [word.partition("=") for word in words]
    for name, equals, _ in pairs:
        if not equals:
            raise _bad(
                f"{name!r} has no value.",
                f"Type KEY=VALUE, or `ship server:unset {name}` for the default.",
            )
    return {path: _value(path, text) for name, _, text in pairs if (path := path_of(name))}


def path_of(name: str) -> Key:
    """The setting of a name.

    Raises:
        UsageError: there is none
    """
    first, *rest = path = tuple(name.split(".", 1))
    field = _fields().get(first)
    if field is not None and bool(rest) == _is_table(field.type) and all(path):
        return path
    if field is not None:
        form = f"{first}.NAME" if _is_table(field.type) else first
        raise _bad(f"There is no setting {name!r}.", f"It is called {form}.")
    raise _bad(f"There is no setting {name!r}.", _similar(first))


def with_values(data: Mapping[str, Any]) -> Server:
    """The settings that a file with this in it would give.

    Raises:
        UsageError: a value is refused
    """
    try:
        return msgspec.convert(data, Server)
    except msgspec.ValidationError as error:
        said = str(error).partition(" - at")[0]
        raise _bad("These settings do not go together.", f"{said}.") from error


def default_of(path: Key) -> object:
    """What holds where a setting is not set, as a value for TOML; None where nothing does."""
    field = _fields()[path[0]]
    if len(path) > 1 or field.default is msgspec.NODEFAULT:
        return None
    found = field.default
    return list(found) if isinstance(found, tuple) else found


def shown(value: object) -> str:
    """A value, as it would be typed."""
    if value is None or value in ("", [], ()):
        return "(none)"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return ",".join(map(str, value))
    return str(value)


def _value(path: Key, text: str) -> Any:
    """A typed text as a value for TOML."""
    if path == ("domain",):
        return _domain(text)
    if path == ("former_domains",):
        return [_domain(each) for each in _listed(text)]
    kind: Any = str if len(path) > 1 else _fields()[path[0]].type
    raw: Any = text
    if _is_tuple(kind):
        raw = _listed(text)
    elif _is(kind, msgspec.inspect.BoolType):
        raw = _BOOLEANS.get(text.lower(), text)
    try:
        found = msgspec.to_builtins(msgspec.convert(raw, kind, strict=False))
    except msgspec.ValidationError as error:
        name = ".".join(path)
        raise _bad(f"Cannot set {name}={text}.", f"{name}: {_described(kind)}") from error
    return list(found) if isinstance(found, tuple) else found


def _domain(text: str) -> str:
    name = text.strip() if text.strip() == _LOCAL else parse_domain(text)
    if is_wildcard(name):
        raise _bad(f"{text!r} cannot be the server's domain.", "Give it without the star.")
    return name


def _listed(text: str) -> list[str]:
    return [each.strip() for each in text.split(",") if each.strip()]


def _fields() -> Mapping[str, msgspec.structs.FieldInfo]:
    return {field.name: field for field in msgspec.structs.fields(Server)}


def _is_table(kind: Any) -> bool:
    return _is(kind, msgspec.inspect.DictType)


def _is_tuple(kind: Any) -> bool:
    return _is(kind, msgspec.inspect.VarTupleType)


def _is(kind: Any, sort: type) -> bool:
    found = msgspec.inspect.type_info(kind)
    while isinstance(found, msgspec.inspect.Metadata):
        found = found.type
    return isinstance(found, sort)


def _similar(name: str) -> str:
    import difflib  # noqa: PLC0415 - only a typing error needs it

    close = difflib.get_close_matches(name, _fields(), n=2)
    return f"Did you mean {' or '.join(close)}?" if close else ""


def _described(kind: Any) -> str:
    """The sentence of a setting, and its limits where it is a number."""
    found, said, limits = msgspec.inspect.type_info(kind), "", ""
    while isinstance(found, msgspec.inspect.Metadata):
        said, found = (found.extra_json_schema or {}).get("description", said), found.type
    if isinstance(found, msgspec.inspect.IntType):
        limits = f" A number from {found.ge} to {found.le}." if found.le else " A number."
    if isinstance(found, msgspec.inspect.BoolType):
        limits = " `true` or `false`."
    return f"{said}{limits}"


def _bad(title: str, detail: str) -> UsageError:
    return UsageError(
        title,
        detail=detail,
        advice="docs/configuration.md lists the settings of ship.toml. Nothing was changed.",
        reason="usage/bad-setting",
    )

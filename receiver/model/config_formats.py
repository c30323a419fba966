"""The texts that config vars are exchanged in: .env, lines for a shell, JSON."""

import json
from collections.abc import Mapping
from typing import Any, Literal, get_args

from receiver.model.config_vars import check_value
from receiver.model.dotenv import dotenv_text, parse_dotenv, shell_text
from receiver.model.errors import UsageError
from receiver.model.names import parse_config_name

Format = Literal["env", "shell", "json"]
FORMATS: tuple[Format, ...] = get_args(Format)


def read(data: bytes, source: str, kind: str | None = None) -> dict[str, str]:
    """Config vars of a text; where `kind` is not said, a text that begins with a brace is JSON.

    Raises:
        UsageError: something in it cannot be a config var; `source` is what the error calls
            the text
    """
    as_json = data.lstrip()[:1] == b"{" if kind is None else kind == "json"
    values = _parse_json(data, source) if as_json else parse_dotenv(data, source)
    for name, value in values.items():
        check_value(parse_config_name(name), value)
    return values


def written(values: Mapping[str, str], kind: str) -> bytes:
    """The same as a text that `read` reads back; bytes that are no UTF-8 are lone surrogates in
    JSON.
    """
    if kind == "json":
        return json.dumps(dict(values), indent=2).encode() + b"\n"
    if kind == "env":
        return dotenv_text(values)
    return b"".join(b"export " + shell_text({name: value}) for name, value in values.items())


def _parse_json(data: bytes, source: str) -> dict[str, str]:
    try:
        found: Any = json.loads(data)
    except ValueError as error:
        line = getattr(error, "lineno", None)
        raise UsageError(
            f"Line {line} of {source} cannot be read." if line else f"{source} cannot be read.",
            detail="It is not JSON.",
            advice="Write one object of names and texts, as `ship config --json` prints it.",
            reason="usage/bad-config-json",
        ) from error
    if not isinstance(found, dict):
        raise _not_texts(source, "It is not an object.")
    return {name: _text(name, value, source) for name, value in found.items()}


def _text(name: str, value: object, source: str) -> str:
    """The value; bytes that were written as lone surrogates are those bytes."""
    if not isinstance(value, str):
        raise _not_texts(source, f"The value of {name} is not a text in quotation marks.")
    try:
        return value.encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        raise _not_texts(source, f"The value of {name} is no Unicode text.") from error


def _not_texts(source: str, detail: str) -> UsageError:
    return UsageError(
        f"{source} does not hold config vars.",
        detail=detail,
        advice='Write one object of names and texts, such as {"GREETING": "hi", "PAGE_SIZE": '
        '"20"}.',
        reason="usage/bad-config-json",
    )

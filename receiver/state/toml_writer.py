"""Writes TOML, and reads it back to be sure: the one user of the library `toml`. tomllib reads."""

import tomllib
import unicodedata
from pathlib import Path
from typing import Any

from receiver.model.errors import ServerError

_SHORT = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def toml_text(file: Path | str, data: dict[str, Any]) -> str:
    """The text of a TOML file that says this.

    Raises:
        ServerError: the writer cannot express a value of it
    """
    import toml  # noqa: PLC0415 - few commands change a setting

    encoder = toml.TomlEncoder(dict)
    encoder.dump_funcs[str] = _quoted
    try:
        text = toml.dumps(data, encoder)
        # toml corrupts some nested values, and names with control characters: never replace a file
        # unread
        if tomllib.loads(text) == data:
            return text
    except (IndexError, tomllib.TOMLDecodeError) as error:
        raise _inexpressible(file, data) from error
    raise _inexpressible(file, data)


def _quoted(text: str) -> str:
    """A text as TOML has it: toml's own way breaks off at some characters, and corrupts others."""
    return f'"{"".join(map(_written, text))}"'


def _written(character: str) -> str:
    if character in _SHORT:
        return _SHORT[character]
    # half of a pair, as it stands for a byte that is not UTF-8, has no escape in TOML
    if character.isprintable() or unicodedata.category(character) == "Cs":
        return character
    code = ord(character)
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"  # noqa: PLR2004 - what four digits hold


def _inexpressible(file: Path | str, data: dict[str, Any]) -> ServerError:
    return ServerError(
        f"A value of {file} cannot be written as TOML.",
        detail=repr(data),
        advice="Use a value without control characters.",
        reason="server/bad-settings",
    )

"""Changes a value in the text of a TOML file line by line, so that a person's comments and order
stay as they are.

What it cannot do so, it leaves to who writes the file anew: each result is read back and compared.
"""

import re
import tomllib
from collections.abc import Sequence
from typing import Any

from receiver.model.patterns import regex
from receiver.state.toml_writer import toml_text

_HEADER = regex(r"\s*\[")
_AFTER = regex(r"\s*=\s*(?:\"[^\"\\]*\"|'[^']*'|[^#\"'\[{]*?)?(?P<comment>\s*#.*)?")
"""What stands behind a name where its value is on the same line, and no list."""
Key = tuple[str, ...]
"""A name, or a table and a name in it."""


def edited(text: str, path: Key, value: object | None) -> str | None:
    """The text of a file with a value set, or taken out where it is None; None where that is not
    a matter of lines.
    """
    wanted = with_value(tomllib.loads(text), path, value)
    lines = text.splitlines()
    begin, end = _region(lines, path[:-1])
    at = _found(lines[begin:end], path[-1])
    fresh = () if value is None else _lines(path[-1], value)
    if at is None:
        changed = _inserted(lines, begin, end, path[:-1], fresh)
    else:
        changed = _replaced(lines, begin + at, end, path, fresh)
    result = "\n".join(changed) + "\n"
    return result if changed and _says(result, wanted) else None


def with_value(data: dict[str, Any], path: Key, value: object | None) -> dict[str, Any]:
    """The data of a file with a value set, or taken out where it is None."""
    name, *rest = path
    if rest:
        return {**data, name: with_value(data.get(name, {}), tuple(rest), value)}
    others = {key: it for key, it in data.items() if key != name}
    return others if value is None else {**others, name: value}


def _region(lines: Sequence[str], table: Key) -> tuple[int, int]:
    """The lines of a table, without its header; those before all headers for no table. Beyond
    the last line where it is not there.
    """
    begin = 0
    if table:
        header = re.compile(rf"\s*\[\s*{re.escape(table[0])}\s*\]\s*(#.*)?")
        begin = next((n + 1 for n, line in enumerate(lines) if header.fullmatch(line)), len(lines))
    others = (n for n in range(begin, len(lines)) if _HEADER.match(lines[n]))
    return begin, next(others, len(lines))


def _found(lines: Sequence[str], name: str) -> int | None:
    key = re.compile(rf"\s*[\"']?{re.escape(name)}[\"']?\s*=")
    return next((n for n, line in enumerate(lines) if key.match(line)), None)


def _lines(name: str, value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        return tuple(toml_text(name, {name: value}).splitlines())
    each = (toml_text(name, {name: one}).strip().partition(" = ")[2] for one in value)
    return (f"{name} = [{', '.join(each)}]",)


def _inserted(
    lines: list[str], begin: int, end: int, table: Key, fresh: Sequence[str]
) -> list[str]:
    """The lines with some added behind the last of a table that says something."""
    if not fresh:
        return lines
    if table and begin == len(lines) and f"[{table[0]}]" not in lines:
        return [*lines, *([""] if lines else []), f"[{table[0]}]", *fresh]
    while end > begin and not lines[end - 1].strip():
        end -= 1
    gap = [""] if end < len(lines) and lines[end].strip() else []
    return [*lines[:end], *fresh, *gap, *lines[end:]]


def _replaced(lines: list[str], at: int, end: int, path: Key, fresh: Sequence[str]) -> list[str]:
    """The lines with others in place of a value, which may take several; none where its end is
    not found.
    """
    without = with_value(tomllib.loads("\n".join(lines)), path, None)
    name = lines[at].partition("=")[0]
    behind = _AFTER.fullmatch(lines[at].removeprefix(name))
    comment = (behind["comment"] or "") if behind else ""
    if len(fresh) == 1:
        fresh = (f"{fresh[0]}{comment}",)
    for after in range(at + 1, end + 1):
        if _says("\n".join((*lines[:at], *lines[after:])), without):
            return [*lines[:at], *fresh, *lines[after:]]
    return []


def _says(text: str, wanted: dict[str, Any]) -> bool:
    try:
        return tomllib.loads(text) == wanted
    except tomllib.TOMLDecodeError:
        return False

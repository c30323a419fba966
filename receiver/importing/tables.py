"""Tables of a TOML file as text, and which of them a file lacks. Pure."""

import json
import re
import tomllib
from collections.abc import Mapping
from typing import Any

_BARE = re.compile(r"[A-Za-z0-9_-]+")
Tables = Mapping[str, Mapping[str, Any]]
"""By name, such as `check` or `cron.nightly`."""


def missing_tables(text: str, tables: Tables) -> tuple[Tables, list[str]]:
    """Those that a file does not have, and the names of those that it has: a table can stand in
    it once.
    """
    there = tomllib.loads(text)
    missing = {name: table for name, table in tables.items() if not _has(there, name)}
    return missing, [name for name in tables if name not in missing]


def tables_text(tables: Tables) -> str:
    """These tables, as they stand in a file; values are texts, numbers and booleans."""
    return "\n".join(
        "\n".join(
            (f"[{name}]", *((f"{_key(key)} = {_value(value)}") for key, value in table.items()), "")
        )
        for name, table in tables.items()
    )


def _has(there: Mapping[str, Any], name: str) -> bool:
    found: Any = there
    for part in name.split("."):
        if not isinstance(found, Mapping) or part not in found:
            return False
        found = found[part]
    return True


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _value(name)


def _value(value: str | int) -> str:
    # a text of JSON is one of TOML, but for the character that JSON lets stand as it is
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")

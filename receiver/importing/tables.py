"""Tables of a TOML file as text, and which of them a file lacks. Pure."""

import tomllib
from collections.abc import Mapping
from functools import reduce
from typing import Any

from receiver.model.manifest import FILE_NAME
from receiver.state.toml_writer import toml_text

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
    return "\n".join(toml_text(FILE_NAME, _below(name, table)) for name, table in tables.items())


def _below(name: str, table: Mapping[str, Any]) -> dict[str, Any]:
    """A table below the tables that its name says."""
    return reduce(lambda inner, part: {part: inner}, reversed(name.split(".")), dict(table))


def _has(there: Mapping[str, Any], name: str) -> bool:
    found: Any = there
    for part in name.split("."):
        if not isinstance(found, Mapping) or part not in found:
            return False
        found = found[part]
    return True

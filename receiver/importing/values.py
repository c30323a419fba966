"""What became of the files of another platform, line by line: as values."""

from collections.abc import Iterable
from typing import Any, Literal

import msgspec

Fate = Literal["kept", "config", "toml", "command", "hand", "lost"]
FATES: dict[Fate, str] = {
    "kept": "as it stands",
    "config": "config var",
    "toml": "ship.toml",
    "command": "to type",
    "hand": "by hand",
    "lost": "not used",
}


class Finding(msgspec.Struct, frozen=True):
    """One line, or one entry, and what Ship makes of it."""

    file: str
    seen: str
    """As it stands there, without a value that may be a secret; with its line, where the file
    has lines."""
    fate: Fate
    told: str
    """What Ship does with it, or why not and what to do instead."""


class Imported(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one file, or of all."""

    findings: tuple[Finding, ...] = ()
    manifest: dict[str, dict[str, Any]] = {}
    """Tables for ship.toml, such as `check` or `cron.nightly`."""
    config: dict[str, str] = {}
    commands: tuple[tuple[str, ...], ...] = ()
    """Settings of the app, as words behind `ship`."""
    left_out: tuple[str, ...] = ()
    """Config vars that lead to what is left behind, and are set by hand."""


def together(parts: Iterable[Imported]) -> Imported:
    """All of several files; of config vars the later counts, of tables the earlier."""
    found = list(parts)
    manifest: dict[str, dict[str, Any]] = {}
    config: dict[str, str] = {}
    for part in found:
        for name, table in part.manifest.items():
            manifest[name] = {**table, **manifest.get(name, {})}
        config |= part.config
    commands = dict.fromkeys(words for part in found for words in part.commands)
    return Imported(
        findings=tuple(finding for part in found for finding in part.findings),
        manifest=manifest,
        config=config,
        commands=tuple(commands),
        left_out=tuple(name for part in found for name in part.left_out),
    )

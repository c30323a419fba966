"""The variables that every command of an app is given, besides its config vars, where its launcher is not in between."""

from collections.abc import Mapping
from pathlib import Path

from receiver.model.layout import AppPaths

SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin"


def plain_variables(paths: AppPaths) -> Mapping[str, str]:
    """What needs no virtualenv."""
    return {
        "LANG": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",
        "SHIP_APP": paths.name,
        "SHIP_STORAGE": str(paths.storage),
    }


def release_variables(paths: AppPaths, venv: Path | str | None) -> Mapping[str, str]:
    """Those of a command that runs as a release does: the programs of its virtualenv come first."""
    if venv is None:
        return {**plain_variables(paths), "PATH": SYSTEM_PATH}
    return {**plain_variables(paths), "PATH": f"{venv}/bin:{SYSTEM_PATH}", "VIRTUAL_ENV": str(venv)}

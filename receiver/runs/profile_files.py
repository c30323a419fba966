"""The files of `.profile.d`, which buildpacks leave in a built tree to be read before a command
of the app's.
"""

import stat
from collections.abc import Mapping
from pathlib import Path

_PROFILED = 'for file in .profile.d/*.sh; do [ -r "$file" ] && . "$file"; done; exec "$@"'


def entered(source: Path, argv: tuple[str, ...]) -> tuple[str, ...]:
    """The command as it is started in a built tree: behind such files, if there are any."""
    return ("/bin/bash", "-c", _PROFILED, "bash", *argv) if _are_in(source) else argv


def variables(source: Path) -> Mapping[str, str]:
    """Where such files look for what a buildpack put beside them."""
    return {"HOME": str(source)} if _are_in(source) else {}


def _are_in(source: Path) -> bool:
    """No link is followed: the app itself can write there."""
    try:
        return stat.S_ISDIR((source / ".profile.d").lstat().st_mode)
    except FileNotFoundError:
        return False

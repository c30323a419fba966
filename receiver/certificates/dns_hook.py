"""The administrator's program that sets records in the DNS, so that an authority makes wildcards.

Certbot calls it as root, for which reason nobody else may be able to change it.
"""

import os
import stat
from pathlib import Path

from receiver.model.errors import ServerError

_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


class HookError(ServerError):
    """It cannot be called."""

    default_reason = "server/dns-hook"


def checked(named: str) -> str:
    """The path of the program, if it may be called.

    Raises:
        HookError: it is not there, is no program, or somebody else than root can change it
    """
    path = Path(named)
    try:
        real = path.resolve(strict=True)
        for each in dict.fromkeys((path, real)):
            _refuse_foreign(named, each)
        if not stat.S_ISREG(real.stat().st_mode) or not os.access(real, os.X_OK):
            raise _refused(named, "It is no program that can be started.", f"chmod 755 {named}")
    except OSError as error:
        raise _refused(named, f"{error.strerror}.") from error
    return named


def _refuse_foreign(named: str, path: Path) -> None:
    """Refuse what another account can change, or put another program in the place of."""
    for place in (path, *path.parents):
        found = place.lstat()
        if found.st_uid not in {0, os.geteuid()}:
            raise _refused(named, f"{place} is not root's.", f"chown root:root {place}")
        is_link, sticky = stat.S_ISLNK(found.st_mode), found.st_mode & stat.S_ISVTX
        if found.st_mode & _OTHERS_WRITE and not is_link and not (sticky and place.is_dir()):
            raise _refused(named, f"Others can write {place}.", f"chmod go-w {place}")


def _refused(named: str, detail: str, command: str = "") -> HookError:
    return HookError(
        f"{named}, the dns_hook of this server, is not called.",
        detail=detail,
        advice=f"On the server, as root: `{command}`."
        if command
        else "Put the program there, or name another as dns_hook in the server's ship.toml.",
    )

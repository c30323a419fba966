"""Sets the mode and group of a file that another account may exchange meanwhile: by a descriptor,
following no link.
"""

import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

_LOOK = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Wanted(NamedTuple):
    """What a file or folder should have; -1 leaves its group as it is."""

    path: Path | str
    mode: int
    gid: int = -1
    fd: int | None = None
    """The folder that `path` is a name in."""


def set_mode(wanted: Wanted, owners: set[int], *, dry_run: bool) -> bool:
    """Whether a file or folder was given another mode or group."""
    with suppress(OSError):  # a link, or gone
        fd = os.open(wanted.path, _LOOK, dir_fd=wanted.fd)
        try:
            found = os.fstat(fd)
            gid = found.st_gid if wanted.gid == -1 else wanted.gid
            same = (found.st_gid, stat.S_IMODE(found.st_mode)) == (gid, wanted.mode)
            plain = stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)
            if same or not plain or found.st_uid not in owners:
                return False
            if not dry_run:
                os.fchown(fd, -1, gid)
                os.fchmod(fd, wanted.mode)
        finally:
            os.close(fd)
        return True
    return False

"""nginx's logs of apps on a VPS: in one folder of root's, whose files are named for their apps."""

import grp
from collections.abc import Iterable
from pathlib import Path

from receiver.machine import files
from receiver.model.names import AppName
from receiver.nginx.log_places import Kind

FOLDER = Path("/var/log/ship")
"""Not where Debian's logrotate looks once a day, whatever their size."""
NGINX_GROUP = "www-data"
_BEFORE = Path("/var/log/nginx")
"""Where an older ship had them."""


class SystemLogs:
    """The logs of all apps of this machine."""

    folder = FOLDER

    def of(self, app: AppName, kind: Kind) -> Path:
        """A log of an app."""
        return FOLDER / f"ship-{app}.{kind}.log"

    def files(self) -> Iterable[Path]:
        """All that is in the folder."""
        return FOLDER.glob("*.log*")

    def make_folder(self) -> None:
        """nginx's workers open the files again by their names; apps cannot."""  # noqa: D403 - a program's name
        files.make_folder(FOLDER, mode=0o750, uid=0, gid=grp.getgrnam(NGINX_GROUP).gr_gid)

    def remove(self, app: AppName) -> None:
        """Remove the logs of an app."""
        for folder in (FOLDER, _BEFORE):
            for log in folder.glob(f"ship-{app}.*"):
                files.remove(log)

    def rename(self, was: AppName, name: AppName) -> None:
        """Have the logs of an app bear its new name."""
        for log in FOLDER.glob(f"ship-{was}.*"):
            log.rename(log.with_name(f"ship-{name}.{log.name.partition('.')[2]}"))

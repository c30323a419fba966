"""The one account of an embedded server: that of the user who started ship."""

import os
from pathlib import Path

from receiver.hosts.supervisord.jobs import PlainJobs
from receiver.model.names import AppName


class OneAccount:
    """Everything belongs to the user who started ship, whichever app it is of."""

    separate = False
    nginx_gid = -1

    def __init__(self, jobs: PlainJobs) -> None:
        self._jobs = jobs

    def owner(self, app: AppName) -> None:
        """Nobody but the user who started ship."""

    def receiver(self) -> None:
        """Nobody but the user who started ship."""

    def can_read(self, app: AppName, path: Path) -> bool:
        """As the user who started ship can."""
        del app
        return os.access(path, os.R_OK)

    def create(self, app: AppName) -> None:
        """All apps share one account."""

    def remove(self, app: AppName) -> None:
        """There is none to remove; but nothing of the app may go on."""
        self._jobs.stop_lasting(app)

    def rename(self, app: AppName, new: AppName) -> None:
        """There is none to rename; but nothing of the app may go on."""
        del new
        self._jobs.stop_lasting(app)

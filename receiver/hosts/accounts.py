"""The accounts of a machine that files and processes of apps belong to."""

from pathlib import Path
from typing import Protocol

import msgspec

from receiver.model.names import AppName

_UNUSED = "net_broadcast"
_CLOSED = (
    f"--bounding-set=-all,+{_UNUSED}",
    f"--inh-caps=-all,+{_UNUSED}",
    f"--ambient-caps=-all,+{_UNUSED}",
)
"""Closes /proc/PID/root, mem and the like of a process to others of its account."""


class Owner(msgspec.Struct, frozen=True):
    """User and group that files of an app belong to."""

    uid: int
    gid: int


class Accounts(Protocol):
    """What a machine does for the accounts of apps."""

    @property
    def separate(self) -> bool:
        """Whether each app has one of its own, and so has the one who takes pushes.

        Otherwise everything belongs to the user who started ship.
        """

    def owner(self, app: AppName) -> Owner | None:
        """The app's account; None where there are none.

        Raises:
            ServerError: it is missing
        """

    def receiver(self) -> Owner | None:
        """The account that takes pushes; None where there is none."""

    @property
    def nginx_gid(self) -> int:
        """The group that nginx reads files with; -1 where everything is the starter's."""

    def can_read(self, app: AppName, path: Path) -> bool:
        """Whether what runs for the app can read a file or folder of the machine that is there."""

    def create(self, app: AppName) -> None:
        """Make the app's account unless it is there."""

    def remove(self, app: AppName) -> None:
        """Remove the app's account, after everything it runs was stopped."""

    def rename(self, app: AppName, new: AppName) -> None:
        """Give the account of `app` the name for `new`; its number stays. Nothing of it may run."""


def ids(owner: Owner | None) -> tuple[int, int]:
    """User and group for a file of an app; unchanged where everything is the starter's."""
    return (owner.uid, owner.gid) if owner else (-1, -1)


def as_account(owner: Owner | None) -> tuple[str, ...]:
    """Have a program of the system's, such as tar, run as an app's account.

    It ends with the process that starts it, and runs nothing of the app's. A sandbox of its own
    would only cost each deploy the tenth of a second that systemd takes to make one. So that no
    process of the app gets out of its own by way of this one, it holds a capability that the kernel
    asks for nowhere: nobody may look into a process that can do more than he (0036).
    """
    if owner is None:
        return ()
    account = (f"--reuid={owner.uid}", f"--regid={owner.gid}", "--clear-groups")
    return ("/usr/bin/setpriv", *account, *_CLOSED, "--no-new-privs", "--pdeathsig", "KILL")

"""The accounts of apps on a VPS: each app has a user and a group of its own.

They are made and removed by root.
"""

import grp
import os
import pwd
from pathlib import Path

from receiver.hosts.accounts import Owner
from receiver.hosts.systemd.jobs import deploy_job_units, lasting_job_units
from receiver.hosts.systemd.limits import SystemdLimits
from receiver.hosts.systemd.manager import stop_units
from receiver.hosts.systemd.request_logs import NGINX_GROUP
from receiver.hosts.systemd.sandbox import account, hides
from receiver.hosts.systemd.slices import slice_unit
from receiver.machine import shell
from receiver.model.errors import ServerError
from receiver.model.layout import Layout
from receiver.model.names import AppName

RECEIVER = "ship"


class SystemdAccounts:
    """The accounts of all apps of this machine."""

    separate = True

    def __init__(self, layout: Layout, limits: SystemdLimits) -> None:
        self._layout = layout
        self._limits = limits

    def owner(self, app: AppName) -> Owner:
        """The app's account."""
        try:
            entry = pwd.getpwnam(account(app))
        except KeyError as error:
            raise ServerError(
                f"The account {account(app)} of app {app} is missing.",
                advice="Was it removed by hand? `ship doctor --fix` on the server makes it again.",
                reason="server/account-missing",
            ) from error
        return Owner(entry.pw_uid, entry.pw_gid)

    def receiver(self) -> Owner | None:
        """The account that takes pushes; None where it is missing."""
        try:
            entry = pwd.getpwnam(RECEIVER)
        except KeyError:
            return None
        return Owner(entry.pw_uid, entry.pw_gid)

    @property
    def nginx_gid(self) -> int:
        """The group of nginx's workers."""
        return grp.getgrnam(NGINX_GROUP).gr_gid

    def can_read(self, app: AppName, path: Path) -> bool:
        """As permissions let the app's account, and as far as its sandbox shows it."""
        place = path.resolve()
        if any(hides(self._layout, app, one) for one in (path, place)):
            return False
        own = self.owner(app)
        groups = set(os.getgrouplist(account(app), own.gid))
        wanted = os.R_OK | os.X_OK if place.is_dir() else os.R_OK
        on_the_way = {*path.parents, *place.parents}
        return _lets(place, wanted, own.uid, groups) and all(
            _lets(folder, os.X_OK, own.uid, groups) for folder in on_the_way
        )

    def create(self, app: AppName) -> None:
        """Make the app's account unless it is there."""
        if not _has_account(app):
            shell.admin(
                *("useradd", "--system", "--user-group", "--no-create-home"),
                *("--home-dir", str(self._layout.app(app).home)),
                *("--shell", "/usr/sbin/nologin", account(app)),
            )

    def remove(self, app: AppName) -> None:
        """Remove the app's account, if it is there, after everything it runs was stopped."""
        from receiver.hosts.systemd import journal  # noqa: PLC0415 - few commands need it

        self._let_go(app)
        journal.remove(app)
        if _has_account(app):
            shell.admin("userdel", account(app))

    def rename(self, app: AppName, new: AppName) -> None:
        """Give the app's user and group another name; what has it already keeps it."""
        from receiver.hosts.systemd import journal  # noqa: PLC0415 - few commands need it

        self._let_go(app)
        journal.rename(app, new)
        home = str(self._layout.app(new).home)
        if _has_account(app):
            shell.admin("usermod", "--login", account(new), "--home", home, account(app))
        if _has_group(app):
            shell.admin("groupmod", "--new-name", account(new), account(app))

    def _let_go(self, app: AppName) -> None:
        """Stop the jobs of an app, and forget what systemd keeps by its name."""
        stop_units(deploy_job_units(app), lasting_job_units(app), slice_unit(app))
        self._limits.forget_applied(app)


def _lets(path: Path, wanted: int, uid: int, groups: set[int]) -> bool:
    """A list of access rights, where there is one, is taken to allow it."""
    if "system.posix_acl_access" in os.listxattr(path):
        return True
    found = path.stat()
    shift = 6 if found.st_uid == uid else 3 if found.st_gid in groups else 0
    return (found.st_mode >> shift) & wanted == wanted


def _has_account(app: AppName) -> bool:
    try:
        pwd.getpwnam(account(app))
    except KeyError:
        return False
    return True


def _has_group(app: AppName) -> bool:
    try:
        grp.getgrnam(account(app))
    except KeyError:
        return False
    return True

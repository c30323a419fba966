"""The accounts of apps on a VPS: each app has a user and a group of its own, made and removed by
root.
"""

import grp
import pwd
from pathlib import Path

from receiver.hosts import Owner
from receiver.hosts.systemd.sandbox import account
from receiver.machine import shell
from receiver.model.errors import ServerError
from receiver.model.names import AppName


def owner(app: AppName) -> Owner:
    """The app's account."""
    try:
        entry = pwd.getpwnam(account(app))
    except KeyError as error:
        raise ServerError(
            f"The account {account(app)} of app {app} is missing.",
            advice="Was it removed by hand? Make the app again by `ship apps:create`.",
            reason="server/account-missing",
        ) from error
    return Owner(entry.pw_uid, entry.pw_gid)


def create(app: AppName, home: Path) -> None:
    """Make the app's account unless it is there."""
    if not _has_account(app):
        shell.admin(
            *("useradd", "--system", "--user-group", "--no-create-home"),
            *("--home-dir", str(home)),
            *("--shell", "/usr/sbin/nologin", account(app)),
        )


def remove(app: AppName) -> None:
    """Remove the app's account, if it is there; nothing of it may run any more."""
    if _has_account(app):
        shell.admin("userdel", account(app))


def rename(app: AppName, new: AppName, home: Path) -> None:
    """Give the app's user and group another name; what has it already keeps it."""
    if _has_account(app):
        shell.admin("usermod", "--login", account(new), "--home", str(home), account(app))
    if _has_group(app):
        shell.admin("groupmod", "--new-name", account(new), account(app))


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

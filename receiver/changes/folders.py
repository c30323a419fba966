"""The folders that an app has: made with it, and again where somebody removed one.

Of what it keeps there is none here: an empty storage in place of a lost one would hide the loss.
"""

from pathlib import Path

from receiver.hosts.accounts import ids
from receiver.machine import files
from receiver.model.layout import DOWN_MODE, AppPaths
from receiver.server import Server

_PASSED_THROUGH, _CLOSED = 0o711, 0o700


def make(server: Server, paths: AppPaths) -> None:
    """Have all of them be there, with their modes and owners."""
    for folder in _passed_through(paths):
        files.make_folder(folder, mode=_PASSED_THROUGH)
    for folder in _closed(paths):
        files.make_folder(folder, mode=_CLOSED)
    accounts = server.host.accounts
    uid, gid = ids(accounts.owner(paths.name))
    files.make_folder(paths.cache, mode=_CLOSED, uid=uid, gid=gid)
    make_down(server, paths)


def make_down(server: Server, paths: AppPaths) -> None:
    """The folder in which the app's account may say that it does not start, for nginx to see."""
    accounts = server.host.accounts
    uid, _ = ids(accounts.owner(paths.name))
    files.make_folder(paths.down, mode=DOWN_MODE, uid=uid, gid=accounts.nginx_gid)


def restore(server: Server, paths: AppPaths) -> None:
    """Make those that are missing; a push asks for this, and pays a look at each."""
    wanted = (*_passed_through(paths), *_closed(paths), paths.cache, paths.down)
    if not all(folder.is_dir() for folder in wanted):
        make(server, paths)


def _passed_through(paths: AppPaths) -> tuple[Path, ...]:
    return paths.home, paths.releases, paths.slots, paths.work, paths.venvs


def _closed(paths: AppPaths) -> tuple[Path, ...]:
    return paths.builds, paths.incoming, paths.logs

"""Folders of an app's storage that nginx serves as they are at the moment: open to nginx, to
nobody else.

What is made in such a folder later belongs to nginx's group by itself, as folders hand theirs on.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, suppress

from receiver.changes.app_state import AppState
from receiver.hosts.accounts import ids
from receiver.machine import trees
from receiver.machine.modes import Wanted, set_mode
from receiver.storage import account_files

STORAGE_MODE = 0o710
"""Of the storage itself, and of folders on the way: nginx passes through, and sees no names."""
_FOLDER_MODE, _FILE_MODE = 0o2750, 0o640


def open_to_nginx(app: AppState, places: Iterable[str]) -> None:
    """Make folders of the storage that are missing, and have nginx read what is in all of them.

    Root follows no link here, and changes nothing that is not the app's own.

    Raises:
        ServerError: the app's account cannot make one
    """
    accounts = app.server.host.accounts
    account_files.do(
        app.server.host,
        app.paths,
        "make",
        {"storage": str(app.paths.storage), "places": [f"{place}/" for place in places]},
    )
    uid, _ = ids(accounts.owner(app.name))
    if accounts.nginx_gid == -1:
        return  # all is the starter's
    set_mode(Wanted(app.paths.storage, STORAGE_MODE, accounts.nginx_gid), {uid}, dry_run=False)
    for place in places:
        with ExitStack() as opened, suppress(OSError):  # moved meanwhile: it is served no more
            _open(app, place.split("/"), uid, accounts.nginx_gid, opened)


def _open(app: AppState, names: list[str], uid: int, gid: int, opened: ExitStack) -> None:
    fd = os.open(app.paths.storage, trees.FOLDER)
    opened.callback(os.close, fd)
    for name in names[:-1]:
        set_mode(Wanted(name, STORAGE_MODE, gid, fd), {uid}, dry_run=False)
        fd = os.open(name, trees.FOLDER, dir_fd=fd)
        opened.callback(os.close, fd)
    if not set_mode(Wanted(names[-1], _FOLDER_MODE, gid, fd), {uid}, dry_run=True):
        return  # it was opened before: what came since is open too
    top = os.open(names[-1], trees.FOLDER, dir_fd=fd)
    opened.callback(os.close, top)
    for wanted in _below(top, gid):
        set_mode(wanted, {uid}, dry_run=False)
    # itself last: it tells that all in it is open
    set_mode(Wanted(names[-1], _FOLDER_MODE, gid, fd), {uid}, dry_run=False)


def _below(top: int, gid: int) -> Iterator[Wanted]:
    for folder in trees.walk(top):
        if folder.path:
            yield Wanted(".", _FOLDER_MODE, gid, folder.fd)
        yield from (Wanted(name, _FILE_MODE, gid, folder.fd) for name in folder.files)

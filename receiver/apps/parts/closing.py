"""Closes what an older Ship left open in an app's folder to other accounts of the machine.

Root follows no link here, and below `public`, where files are the app's to exchange, it changes
nothing that is another account's.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from receiver.changes.app_state import AppState
from receiver.deploy.stages.publishing import PUBLIC_MODE
from receiver.machine import trees
from receiver.nginx.sites import SITE_MODE

_ITS_OWN = 0o770
_ROOTS = 0o700
_PASSED_THROUGH = 0o711
"""Of a folder of root's: nginx does, on its way to what it serves."""
_OF_A_GROUP = 0o640
_LOOK = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class _Wanted(NamedTuple):
    path: Path | str
    mode: int
    gid: int = -1
    fd: int | None = None
    """The folder that `path` is a name in."""


def close(app: AppState, *, dry_run: bool) -> bool:
    """Close everything; returns whether anything was open."""
    owner = app.server.host.accounts.owner(app.name)
    if owner is None:
        return False  # there are no other accounts
    own = [_set(wanted, {0, owner.uid}, dry_run=dry_run) for wanted in _records(app)]
    published = [_set(wanted, {owner.uid}, dry_run=dry_run) for wanted in _published(app)]
    return any((*own, *published))


def _records(app: AppState) -> Iterator[_Wanted]:
    paths = app.paths
    yield _Wanted(app.server.layout.site(app.name), SITE_MODE)
    special = {
        paths.venvs: _Wanted(paths.venvs, 0o711),
        paths.logs: _Wanted(paths.logs, 0o700),
        paths.scale: _Wanted(paths.scale, _OF_A_GROUP, app.gid),
        paths.maintenance_page: _Wanted(
            paths.maintenance_page, _OF_A_GROUP, app.server.host.accounts.nginx_gid
        ),
        paths.passwords: _Wanted(paths.passwords, _OF_A_GROUP, app.server.host.accounts.nginx_gid),
    }
    releases = list(paths.releases.glob("v*"))
    for home in releases:
        special[home / "release.json"] = _Wanted(home / "release.json", _OF_A_GROUP, app.gid)
    for folder in (paths.home, paths.releases, paths.venvs, *releases):
        for path in folder.iterdir():
            if path.name != "public" and path != paths.mounts:
                yield special.get(path) or _without_others(path)
    for place, _, _ in os.walk(paths.mounts):
        yield _Wanted(place, 0o750, app.gid)


def _without_others(path: Path) -> _Wanted:
    found = path.lstat()
    mode = stat.S_IMODE(found.st_mode)
    if found.st_uid != 0:
        return _Wanted(path, mode & _ITS_OWN)
    if stat.S_ISDIR(found.st_mode):
        return _Wanted(path, mode & _PASSED_THROUGH)
    return _Wanted(path, mode & (_ITS_OWN if found.st_gid else _ROOTS))


def _published(app: AppState) -> Iterator[_Wanted]:
    web = app.server.host.accounts.nginx_gid
    for public in app.paths.releases.glob("v*/public"):
        with suppress(OSError):  # the app moves a folder meanwhile: it is its own that stays open
            for folder in trees.below(public):
                yield _Wanted(".", PUBLIC_MODE, web, folder.fd)
                yield from (_Wanted(name, _OF_A_GROUP, web, folder.fd) for name in folder.files)


def _set(wanted: _Wanted, owners: set[int], *, dry_run: bool) -> bool:
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

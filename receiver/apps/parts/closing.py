"""Closes what an older Ship left open in an app's folder to other accounts of the machine.

Root follows no link here, and below `public`, where files are the app's to exchange, it changes
nothing that is another account's.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from receiver.changes.app_state import AppState
from receiver.deploy.stages.publishing import PUBLIC_MODE
from receiver.machine import trees
from receiver.machine.modes import Wanted, set_mode
from receiver.nginx.sites import SITE_MODE

_ITS_OWN = 0o770
_ROOTS = 0o700
_PASSED_THROUGH = 0o711
"""Of a folder of root's: nginx does, on its way to what it serves."""
_OF_A_GROUP = 0o640


def close(app: AppState, *, dry_run: bool) -> bool:
    """Close everything; returns whether anything was open."""
    owner = app.server.host.accounts.owner(app.name)
    if owner is None:
        return False  # there are no other accounts
    own = [set_mode(wanted, {0, owner.uid}, dry_run=dry_run) for wanted in _records(app)]
    published = [set_mode(wanted, {owner.uid}, dry_run=dry_run) for wanted in _published(app)]
    return any((*own, *published))


def _records(app: AppState) -> Iterator[Wanted]:
    paths = app.paths
    yield Wanted(app.server.layout.site(app.name), SITE_MODE)
    special = {
        paths.venvs: Wanted(paths.venvs, 0o711),
        paths.logs: Wanted(paths.logs, 0o700),
        paths.scale: Wanted(paths.scale, _OF_A_GROUP, app.gid),
        paths.maintenance_page: Wanted(
            paths.maintenance_page, _OF_A_GROUP, app.server.host.accounts.nginx_gid
        ),
        paths.passwords: Wanted(paths.passwords, _OF_A_GROUP, app.server.host.accounts.nginx_gid),
    }
    releases = list(paths.releases.glob("v*"))
    for home in releases:
        special[home / "release.json"] = Wanted(home / "release.json", _OF_A_GROUP, app.gid)
    for folder in (paths.home, paths.releases, paths.venvs, *releases):
        for path in folder.iterdir():
            if path.name != "public" and path != paths.mounts:
                yield special.get(path) or _without_others(path)
    for place, _, _ in os.walk(paths.mounts):
        yield Wanted(place, 0o750, app.gid)


def _without_others(path: Path) -> Wanted:
    found = path.lstat()
    mode = stat.S_IMODE(found.st_mode)
    if found.st_uid != 0:
        return Wanted(path, mode & _ITS_OWN)
    if stat.S_ISDIR(found.st_mode):
        return Wanted(path, mode & _PASSED_THROUGH)
    return Wanted(path, mode & (_ITS_OWN if found.st_gid else _ROOTS))


def _published(app: AppState) -> Iterator[Wanted]:
    web = app.server.host.accounts.nginx_gid
    for public in app.paths.releases.glob("v*/public"):
        with suppress(OSError):  # the app moves a folder meanwhile: it is its own that stays open
            for folder in trees.below(public):
                yield Wanted(".", PUBLIC_MODE, web, folder.fd)
                yield from (Wanted(name, _OF_A_GROUP, web, folder.fd) for name in folder.files)

"""The app's own pages for errors that nginx answers: taken out of its tree, for nginx to read.

They are read from the release's slug, which is root's own: the app may exchange what is unpacked.
"""

from receiver.changes.app_state import AppState
from receiver.machine import files
from receiver.model.build import Tree
from receiver.model.layout import ReleasePaths
from receiver.model.output import Output
from receiver.model.release import Release

STATUSES = (404, 502, 503, 504)
FOLDER = "errors"
LARGEST_BYTES = 256 * 1024
_FOLDER_MODE, _MODE = 0o711, 0o640


def named(tree: Tree) -> tuple[int, ...]:
    """The statuses for which a pushed tree has a page."""
    return tuple(status for status in STATUSES if tree.has(_path(status)))


def publish(app: AppState, release: Release, out: Output) -> tuple[int, ...]:
    """Write the pages where nginx reads them; returns those that it can show.

    A page that is empty, too large, or left out of the built tree is none: Ship's own is shown.
    """
    home, gid = app.paths.release(release.version), app.server.host.accounts.nginx_gid
    files.make_folder(home.errors, mode=_FOLDER_MODE)
    with home.slug.open("rb") as archive:
        tree = Tree(archive)
        return tuple(
            status for status in release.error_pages if _write(tree, status, home, gid, out)
        )


def _write(tree: Tree, status: int, home: ReleasePaths, gid: int, out: Output) -> bool:
    page = tree.read(_path(status)) if tree.has(_path(status)) else b""
    if not page.strip() or len(page) > LARGEST_BYTES:
        out.warn(
            f"{_path(status)} is not shown to visitors: it has {len(page)} bytes, and may have from"
            f" 1 to {LARGEST_BYTES}."
        )
        return False
    files.write_atomically(home.error_page(status), page, mode=_MODE, gid=gid)
    return True


def _path(status: int) -> str:
    return f"{FOLDER}/{status}.html"

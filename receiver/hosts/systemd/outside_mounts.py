"""Mounts outside of the release's tree: which can be, and what systemd binds for them.

At `/data` it binds the storage itself. Below, as for `/app/media`, it binds a folder of root's with
links in it: they are followed by the app in its sandbox, while what systemd binds is nothing that
an app could exchange.
"""

import grp
import os
from pathlib import Path

from receiver.hosts.systemd.sandbox import account
from receiver.machine import files
from receiver.model.layout import Layout
from receiver.model.mounts import Mounts, Wish, not_here, outside
from receiver.model.names import AppName

_SYSTEMS = frozenset(
    [
        "bin",
        "boot",
        "dev",
        "etc",
        "home",
        "lib",
        "lib32",
        "lib64",
        "libx32",
        "lost+found",
        "nix",
        "opt",
        "proc",
        "root",
        "run",
        "sbin",
        "snap",
        "sys",
        "tmp",
        "usr",
        "var",
    ]
)


_MODE = 0o750
"""Root's to change, and the app's to read."""


class BoundMounts:
    """The mounts of all apps, each bound in the app's sandbox."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout

    def require(self, wish: Wish) -> None:
        """Refuse what is the system's, in use, or cannot be bound."""
        top, _, rest = wish.path[1:].partition("/")
        if top in _SYSTEMS:
            raise not_here(
                wish.path, f"/{top} is the system's.", "Use a path such as `/data` or `/app/media`."
            )
        if not rest and wish.place:
            raise not_here(
                wish.path,
                "A path right below / shows the whole storage.",
                f"Mount all of it, `ship storage:mount {wish.path}`, or one level down:"
                f" `ship storage:mount {wish.place}:{wish.path}/{wish.place}`.",
            )
        if _is_used(Path("/", top)):
            raise not_here(
                wish.path, f"/{top} is in use on this server.", "Use a path that is not there yet."
            )

    def write(self, app: AppName, mounts: Mounts) -> None:
        """Make the links of root's that lead into the storage; those that are not needed any more
        go.
        """
        paths = self._layout.app(app)
        wanted = {path: place for path, place in outside(mounts).items() if "/" in path[1:]}
        if not wanted and not paths.mounts.exists():
            return
        gid = grp.getgrnam(account(app)).gr_gid
        files.make_folder(paths.mounts, mode=_MODE, uid=0, gid=gid)
        for link in [path for path in paths.mounts.rglob("*") if path.is_symlink()]:
            if f"/{link.relative_to(paths.mounts)}" not in wanted:
                files.remove(link)
        for path, place in wanted.items():
            link = paths.mounts / path[1:]
            for folder in reversed(link.relative_to(paths.mounts).parents[:-1]):
                files.make_folder(paths.mounts / folder, mode=_MODE, uid=0, gid=gid)
            files.link_atomically(link, str(paths.storage / place))


def _is_used(path: Path) -> bool:
    """Whether something is there; an empty folder is nothing."""
    try:
        with os.scandir(path) as entries:
            return any(True for _ in entries)
    except FileNotFoundError:
        return False
    except OSError:
        return True

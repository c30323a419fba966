"""Mounts outside of the release's tree: which can be, and what systemd binds for them.

At `/data` it binds the storage itself. Below, as for `/app/media`, it binds a folder of root's with
links in it: they are followed by the app in its sandbox, while what systemd binds is nothing that
an app could exchange.
"""

import os
from pathlib import Path

from receiver.hosts import Host
from receiver.machine import files
from receiver.model.errors import UsageError
from receiver.model.layout import AppPaths
from receiver.model.mounts import Wish
from receiver.model.plan import AnyStep, ChangeUnits
from receiver.model.settings import App
from receiver.server import Server
from receiver.state import records
from receiver.storage import account_files

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


def checked(server: Server, wish: Wish) -> str:
    """The place in the storage of a mount outside of the tree.

    Raises:
        UsageError: it cannot be
    """
    top, _, rest = wish.path[1:].partition("/")
    if server.settings.host != "systemd":
        raise _refused(
            wish.path,
            "An embedded server has no sandbox of its own for each app, in which such a "
            "path could be.",
            "Mount a path of the app's own tree, such as `media`, or have the app use "
            "$SHIP_STORAGE.",
        )
    if top in _SYSTEMS:
        raise _refused(
            wish.path, f"/{top} is the system's.", "Use a path such as `/data` or `/app/media`."
        )
    if not rest and wish.place:
        raise _refused(
            wish.path,
            "A path right below / shows the whole storage.",
            f"Mount all of it, `ship storage:mount {wish.path}`, or one level down:"
            f" `ship storage:mount {wish.place}:{wish.path}/{wish.place}`.",
        )
    if _is_used(Path("/", top)):
        raise _refused(
            wish.path, f"/{top} is in use on this server.", "Use a path that is not there yet."
        )
    return f"{wish.place}/" if wish.place else ""


def steps(server: Server, paths: AppPaths, before: App, after: App) -> tuple[AnyStep, ...]:
    """What the process manager is told, where anything outside of the tree changes."""
    if _outside(before) == _outside(after):
        return ()
    write(paths, after)
    formation = records.read_formation(paths)
    units = (
        *server.host.unit_files(paths.name, after),
        *server.host.background.files(paths.name, formation, after.mounts),
    )
    return (ChangeUnits(paths.name, {file.path: file.text for file in units}),)


def write(paths: AppPaths, settings: App) -> None:
    """Make the links of root's that lead into the storage; those that are not needed any more
    go.
    """
    wanted = {path: place for path, place in _outside(settings).items() if "/" in path[1:]}
    if not wanted and not paths.mounts.exists():
        return
    files.make_folder(paths.mounts, mode=0o755)
    for link in [path for path in paths.mounts.rglob("*") if path.is_symlink()]:
        if f"/{link.relative_to(paths.mounts)}" not in wanted:
            files.remove(link)
    for path, place in wanted.items():
        link = paths.mounts / path[1:]
        for folder in reversed(link.relative_to(paths.mounts).parents[:-1]):
            files.make_folder(paths.mounts / folder, mode=0o755)
        files.link_atomically(link, str(paths.storage / place))


def prepare(host: Host, paths: AppPaths, settings: App) -> None:
    """Have what an app's mounts lead to be there, before anything of the app starts: of a clone,
    that is nobody's deed yet.
    """
    if settings.mounts:
        write(paths, settings)
        request = {"storage": str(paths.storage), "places": list(settings.mounts.values())}
        account_files.do(host, paths, "make", request)


def _outside(settings: App) -> dict[str, str]:
    return {path: place for path, place in settings.mounts.items() if path.startswith("/")}


def _is_used(path: Path) -> bool:
    """Whether something is there; an empty folder is nothing."""
    try:
        with os.scandir(path) as entries:
            return any(True for _ in entries)
    except FileNotFoundError:
        return False
    except OSError:
        return True


def _refused(path: str, why: str, advice: str) -> UsageError:
    return UsageError(
        f"The app's storage cannot be mounted at {path}.",
        detail=why,
        advice=advice,
        reason="usage/mount-not-here",
    )

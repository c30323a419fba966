"""Mounts outside of the release's tree: what has to be there for them, and who is told."""

from receiver.hosts import Host
from receiver.model.layout import AppPaths
from receiver.model.mounts import Wish, outside
from receiver.model.plan import AnyStep, ChangeUnits
from receiver.model.settings import App
from receiver.server import Server
from receiver.state import records
from receiver.storage import account_files


def checked(server: Server, wish: Wish) -> str:
    """The place in the storage of a mount outside of the tree.

    Raises:
        UsageError: it cannot be
    """
    server.host.outside_mounts.require(wish)
    return f"{wish.place}/" if wish.place else ""


def steps(server: Server, paths: AppPaths, before: App, after: App) -> tuple[AnyStep, ...]:
    """What the process manager is told, where anything outside of the tree changes."""
    if outside(before.mounts) == outside(after.mounts):
        return ()
    server.host.outside_mounts.write(paths.name, after.mounts)
    formation = records.read_formation(paths)
    units = (
        *server.host.unit_files(paths.name, after),
        *server.host.background.files(paths.name, formation, after.mounts),
    )
    return (ChangeUnits(paths.name, {file.path: file.text for file in units}),)


def prepare(host: Host, paths: AppPaths, settings: App) -> None:
    """Have what an app's mounts lead to be there, before anything of the app starts: of a clone,
    that is nobody's deed yet.
    """
    if settings.mounts:
        host.outside_mounts.write(paths.name, settings.mounts)
        request = {"storage": str(paths.storage), "places": list(settings.mounts.values())}
        account_files.do(host, paths, "make", request)

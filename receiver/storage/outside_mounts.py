"""Mounts outside of the release's tree: what has to be there for them, and who is told."""

from receiver.changes.app_state import AppState
from receiver.model.mounts import Wish, outside
from receiver.model.plan import ChangeUnits, Plan
from receiver.server import Server
from receiver.storage import account_files


def checked(server: Server, wish: Wish) -> str:
    """The place in the storage of a mount outside of the tree.

    Raises:
        UsageError: it cannot be
    """
    server.host.outside_mounts.require(wish)
    return f"{wish.place}/" if wish.place else ""


def steps(before: AppState, after: AppState) -> Plan:
    """What the process manager is told, where anything outside of the tree changes."""
    host, mounts = after.server.host, after.settings.mounts
    if outside(before.settings.mounts) == outside(mounts):
        return ()
    host.outside_mounts.write(after.name, mounts)
    units = (
        *host.unit_files(after.name, after.settings),
        *host.background.files(after.name, after.formation, after.settings),
    )
    return (ChangeUnits(after.name, {file.path: file.text for file in units}),)


def prepare(app: AppState) -> None:
    """Have what an app's mounts lead to be there, before anything of the app starts: of a clone,
    that is nobody's deed yet.
    """
    host, mounts = app.server.host, app.settings.mounts
    if mounts:
        host.outside_mounts.write(app.name, mounts)
        request = {"storage": str(app.paths.storage), "places": list(mounts.values())}
        account_files.do(host, app.paths, "make", request)

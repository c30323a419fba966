"""Mounts outside of the release's tree on an embedded server: there are none."""

from receiver.model.mounts import Mounts, Wish, not_here
from receiver.model.names import AppName


class NoMounts:
    """Refuses them: without a sandbox, a path is the same for every app."""

    def require(self, wish: Wish) -> None:
        """Refuse, whatever the path."""
        raise not_here(
            wish.path,
            "An embedded server has no sandbox of its own for each app, in which such a "
            "path could be.",
            "Mount a path of the app's own tree, such as `media`, or have the app use "
            "$SHIP_STORAGE.",
        )

    def write(self, app: AppName, mounts: Mounts) -> None:
        """Nothing: what is mounted in a release's tree is a link there."""

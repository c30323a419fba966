"""`ship server:update`: another version of Ship, and back if that fails."""

from pathlib import Path

import click

from receiver.cli import forward, show
from receiver.cli.command import Call, command
from receiver.cli.place import Here
from receiver.model.errors import ServerError


@command(
    "server:update",
    example="$ ship server:update ./ship-0.2.0.tar.gz\n"
    "Ship 0.1.0 is here; 0.2.0 follows.\n-----> Setting up a ship server for example.com\n"
    "       install ship in /opt/ship\nShip 0.2.0 is here.",
)
@click.argument(
    "sources", required=False, metavar="[FOLDER | ARCHIVE]", type=click.Path(path_type=Path)
)
def update(call: Call, sources: Path | None) -> None:
    """Install the Ship in a folder or archive; without one, show which version is here.

    Apps go on running, and pushes wait for nothing. Where the installer fails, or the new version
    does not work, the one before it is back.
    """
    import receiver
    from receiver.nginx.sites import RECEIVER_FILE
    from receiver.setup import updating
    from receiver.setup.versions import Versions
    from receiver.state import formats

    _require_vps(call)
    here, versions = receiver.__version__, Versions()
    if sources is None:
        show.data(f"Ship {here} is here, in {versions.link.resolve()}.")
        show.progress("To install another: ship server:update FOLDER, or an archive of one.")
        return
    if not call.environment.is_root:
        forward.become_root(call.arguments, call.environment)
    layout = call.layout
    with updating.sources(sources, versions) as found:
        formats.refuse_newer(layout, formats.of_sources(found.folder))
        show.progress(f"Ship {here} is here; {found.version} follows.")
        http = (layout.sites_available / RECEIVER_FILE).exists()
        updating.update(found, versions, call.environment.variables, http=http)
        show.progress(f"Ship {found.version} is here.")


def _require_vps(call: Call) -> None:
    place = call.place
    if not isinstance(place, Here) or place.root is not None:
        raise ServerError(
            "There is no installed Ship to update here.",
            detail="An embedded server is part of its checkout: update that, and start it again.",
            advice="For a VPS, type it on the server itself, as root.",
            reason="server/not-installed",
        )

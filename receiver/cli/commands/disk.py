"""`ship disk`: what holds how much of the disk, and what of it can go."""

from typing import TYPE_CHECKING

import click

from receiver.cli import show
from receiver.cli.command import Call, command, with_json
from receiver.model.mounts import shown_size

if TYPE_CHECKING:
    from receiver.doctor.sizes import AppDisk


@command(
    "disk",
    example="$ ship disk\nblog  12.1M  63.0M  1.2G  540K  3.2M  1.1M  1.3G\n\n"
    "Disk:     39.1G, of which 12.0G are free\nPythons:  96.0M\n\n"
    "What can go:\n    31.0M  8 older releases of blog\n"
    "           `keep_releases = 2` in /etc/ship/ship.toml, from the next deploy on",
)
@with_json
@click.option("-a", "--app", "only", metavar="NAME", help="Only this app.")
def report(call: Call, *, as_json: bool, only: str | None) -> None:
    """Show what holds how much of the disk, and what can go.

    Of each app: releases, packages, storage, build cache, logs, repository, and all of it. Nothing
    is removed: each line says what removes it. The live release and the one before it always stay.
    """
    import os

    import msgspec

    from receiver.doctor import sizes
    from receiver.model.names import AppName

    found = sizes.look(call.server, AppName.parse(only) if only else None)
    space = os.statvfs(call.server.layout.state)
    whole, free = space.f_blocks * space.f_frsize, space.f_bavail * space.f_frsize
    if as_json:
        show.as_json({**msgspec.to_builtins(found), "disk": whole, "free": free})
        return
    columns = ("App", "Releases", "Packages", "Storage", "Cache", "Logs", "Repository", "All")
    if found.apps:
        show.table(columns, [_row(one) for one in found.apps])
        show.data("")
    show.fields(
        {
            "Disk": f"{shown_size(whole)}, of which {shown_size(free)} are free",
            "Pythons": shown_size(found.pythons),
        }
    )
    if found.spare:
        show.data("\nWhat can go:")
    for one in found.spare:
        size = f"{shown_size(one.size_bytes):>9}"
        show.data(f"{size}  {one.what}\n{'':11}{one.how}")


def _row(one: "AppDisk") -> tuple[str, ...]:
    parts = (one.releases, one.packages, one.storage, one.cache, one.logs, one.repository)
    return (one.app, *(shown_size(part) for part in (*parts, one.whole)))

"""`ship packages`: system packages that apps of this server may have."""

import click

from receiver.cli import show
from receiver.cli.command import Call, command, with_json
from receiver.model.errors import NotFoundError


@command(
    "packages",
    example="$ ship packages\nffmpeg     installed  allowed by laptop  blog\n"
    "libmagic1  missing    not allowed        shop",
)
@with_json
def list_packages(call: Call, *, as_json: bool) -> None:
    """Show the system packages that are allowed, or that live releases need."""
    from receiver.building import system_packages
    from receiver.model.names import AppName
    from receiver.state import records

    allowed = system_packages.allowed(call.server.layout)
    needed: dict[str, list[AppName]] = {name: [] for name in allowed}
    for app in records.app_names(call.server.layout):
        _, release = records.read_live_release(call.server.layout.app(app))
        for name in release.system_packages if release else ():
            needed.setdefault(name, []).append(app)
    missing = set(call.server.host.system_packages.missing(needed))
    if as_json:
        show.as_json(
            {
                name: {
                    "installed": name not in missing,
                    "allowed_by": allowed[name].by if name in allowed else None,
                    "apps": apps,
                }
                for name, apps in sorted(needed.items())
            }
        )
        return
    if not needed:
        show.progress("No system package is allowed, and no live release needs one.")
    if call.server.settings.apt == "allow":
        show.progress('Apps may have any package: `apt = "allow"` in the server\'s ship.toml.')
    rows = [
        (
            name,
            "missing" if name in missing else "installed",
            f"allowed by {allowed[name].by}" if name in allowed else "not allowed",
            ", ".join(apps),
        )
        for name, apps in sorted(needed.items())
    ]
    show.table(("Package", "State", "Allowed", "Apps"), rows)


@command(
    "packages:add",
    example="$ ship packages:add libmagic1\n-----> Installing system packages: libmagic1\n"
    "Apps of this server may have libmagic1.",
)
@click.argument("names", nargs=-1, metavar="NAME...")
def add(call: Call, names: tuple[str, ...]) -> None:
    """Install system packages of the server's distribution, and allow them to apps.

    They are installed now. Services that they bring are not started, now or at a boot.
    """
    from receiver.building import system_packages
    from receiver.hosts.system_packages import by_hand
    from receiver.model.errors import ServerError
    from receiver.model.output import Output
    from receiver.model.system_packages import parse_names

    wanted, host = parse_names(names), call.server.host.system_packages
    missing = host.missing(wanted)
    if missing and not host.can_install:
        raise ServerError(
            "This server runs without root, and installs no system packages.",
            detail=f"Not installed: {', '.join(missing)}.",
            advice=f"Type on the server: `{by_hand(missing)}`.",
            reason="server/packages-not-installed",
        )
    if missing:
        system_packages.install(call.server, missing, Output(show.transcript))
    system_packages.allow(call.server, wanted, call.by)
    show.progress(f"Apps of this server may have {', '.join(wanted)}.")


@command(
    "packages:remove",
    example="$ ship packages:remove libmagic1\nlibmagic1 is no longer allowed.\n"
    "Uninstall on the server, if nothing else needs it: sudo apt-get remove libmagic1",
)
@click.argument("names", nargs=-1, metavar="NAME...")
def remove(call: Call, names: tuple[str, ...]) -> None:
    """Take back the permission for system packages. They stay installed.

    What is installed, apps go on using, and a push that needs it passes.
    """
    from receiver.building import system_packages
    from receiver.model.system_packages import parse_names

    wanted = parse_names(names)
    known = system_packages.allowed(call.server.layout)
    for name in wanted:
        if name not in known:
            raise NotFoundError(
                f"{name} is not among the allowed packages.",
                detail=f"Allowed are: {', '.join(known) or 'none'}.",
                reason="not-found/package",
            )
    system_packages.disallow(call.server, wanted)
    are = "is" if len(wanted) == 1 else "are"
    show.progress(f"{', '.join(wanted)} {are} no longer allowed.")
    missing = call.server.host.system_packages.missing(wanted)
    if left := [name for name in wanted if name not in missing]:
        show.progress(
            "Uninstall on the server, if nothing else needs it: sudo apt-get remove "
            + " ".join(left)
        )

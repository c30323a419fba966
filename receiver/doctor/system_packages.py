"""Whether the system packages that live releases need are here, and dpkg is whole."""

from collections.abc import Iterator

from receiver.building.system_packages import how_to_install
from receiver.doctor.seen import AppSeen, Seen
from receiver.machine import apt
from receiver.model.errors import without_pushing
from receiver.model.finding import Finding


def look(seen: Seen) -> Iterator[Finding]:
    """Whether dpkg was stopped in the middle of its work, on a server that installs packages."""
    if seen.server.host.system_packages.can_install and apt.is_interrupted():
        yield Finding(
            name="packages.interrupted",
            severity="warning",
            title="Some packages of the system are only half installed.",
            seen=("`dpkg --audit` lists them.",),
            means="Programs of these packages may fail, and apt refuses to install others.",
            advice="On the server: `sudo dpkg --configure -a`.",
        )


def app(seen: Seen, of: AppSeen) -> Iterator[Finding]:
    """What the live release of an app needs and the machine lacks."""
    wanted = of.release.system_packages if of.release else ()
    if missing := seen.server.host.system_packages.missing(wanted):
        yield Finding(
            name="packages.missing",
            app=of.name,
            severity="broken",
            title=f"System packages that it needs are gone: {', '.join(missing)}.",
            seen=("They were there when its live release was built.",),
            means="What uses them fails: the next start, or a page.",
            advice=without_pushing(how_to_install(seen.server, missing)),
        )

"""Has certificates ordered, without waiting for them: what a push and a command need of it."""

from contextlib import suppress

from msgspec.structs import replace

from receiver.machine import files
from receiver.model.errors import ShipError
from receiver.model.names import AppName
from receiver.model.settings import App
from receiver.server import Server
from receiver.state import certificates, records


def ask_for(server: Server, app: AppName) -> bool:
    """Have a pass started, unless all names of an app have their certificate; returns whether."""
    if not server.settings.tls_port:
        return False
    settings = records.read_app(server.layout.app(app))
    names = server.hosts(app, settings)
    asked = is_ordered(server, settings) and not all(map(server.has_certificate, names))
    if asked:
        wake(server)
    return asked


def wake(server: Server) -> None:
    """Have a pass begin now, or go on with what is new if one is at work: names came, or went."""
    if server.settings.tls_port:
        with suppress(ShipError, OSError):  # the timer has it started all the same
            files.make_folder(server.layout.certificates, mode=0o700)
            server.layout.certificates_asked.touch()
            server.host.services.call("certificates")


def begin_to_wait(server: Server, name: str) -> None:
    """Have the DNS of a name looked at again and again, for a quarter of an hour from now on."""
    if server.settings.tls_port:
        standing = certificates.read(server.layout, name)
        fresh = replace(standing, since=server.clock.stamp(), trouble=None)
        certificates.write(server.layout, fresh)


def is_ordered(server: Server, settings: App | None = None) -> bool:
    """Whether certificates are ordered without being asked for, for the names of an app; without
    one, for those of the server itself.
    """
    off = {server.settings.certificates, *([settings.certificates] if settings else ())}
    return bool(server.settings.tls_port) and "off" not in off


def why_not_https(server: Server, app: AppName) -> str:
    """Why visitors of an app's own name are not sent on to https, though certificates are ordered
    for it, as a sentence; empty where they are.
    """
    name = server.address(app)
    if server.has_certificate(name):
        return ""
    trouble = certificates.read(server.layout, name).trouble
    if trouble is None:
        return "Its certificate is being ordered: `ship certs` shows how it goes."
    return f"No https yet: {trouble.title} `ship certs` tells what to do."

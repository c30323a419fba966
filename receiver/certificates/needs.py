"""Which names certificates are ordered for, and of which names what is known is kept.

A certificate of all names below a domain, which the administrator's `dns_hook` makes possible,
spares those names one of their own.
"""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import NamedTuple

from receiver.certificates.asking import is_ordered
from receiver.changes import steps
from receiver.model.certificate import is_wildcard, wildcard_of
from receiver.model.errors import ShipError
from receiver.model.names import AppName
from receiver.model.settings import App, receiver_names
from receiver.server import Server
from receiver.state import certificates, records


class Needs(NamedTuple):
    """What a pass has to look after."""

    stars: Mapping[str, AppName | None]
    """By domain that one certificate is ordered for all names below, as `*.example.com`, the app
    that it is of; None: the server itself.
    """
    others: Mapping[str, AppName | None]
    """The same of single names."""
    kept: frozenset[str]
    """The names of which records and certificates stay."""


def needs(server: Server) -> Needs:
    """What a pass over the names of a server has to look after."""
    stars, others, known = dict[str, AppName | None](), dict[str, AppName | None](), set[str]()
    for app, settings in apps(server):
        names = server.hosts(app, settings)
        known |= {*names, *server.former_addresses(app)}
        if is_ordered(server, settings):
            for name in (*names, *_still_shown(server, app)):
                (stars if is_wildcard(name) else others)[name] = app
    if is_ordered(server):
        stars |= dict.fromkeys(_of_domains(server))
        others |= dict.fromkeys(_of_receiver(server))
    known |= {*_of_receiver(server)}
    if not server.settings.dns_hook:
        stars = {}
    spared = {name for name in known if _is_spared(server, name, stars)}
    # a wildcard that is ordered no more stays until each name that it serves has its own
    serving = {wildcard_of(name) for name in known if _is_served_by_star(server, name)}
    kept = frozenset((known - spared) | stars.keys() | serving)
    return Needs(stars, {name: others[name] for name in others if name not in spared}, kept)


def apps(server: Server) -> Iterator[tuple[AppName, App]]:
    """The apps of a server, with their settings."""
    for app in records.app_names(server.layout):
        with suppress(ShipError):  # one that is going, or that somebody damaged
            yield app, records.read_app(server.layout.app(app))


def _still_shown(server: Server, app: AppName) -> Iterator[str]:
    """Names below an earlier domain that have a certificate: their visitors are sent on by https
    for as long as that is renewed; new ones are not ordered.
    """
    for name in server.former_addresses(app):
        if certificates.read(server.layout, name).certificate is not None:
            yield name


def _of_domains(server: Server) -> Iterator[str]:
    """All names below the server's domain, and below one of before that is still shown."""
    yield f"*.{server.settings.domain}"
    for domain in server.settings.former_domains:
        if certificates.read(server.layout, f"*.{domain}").certificate is not None:
            yield f"*.{domain}"


def _of_receiver(server: Server) -> tuple[str, ...]:
    """The host name for pushes over HTTP, and those of before that are still shown."""
    if steps.receiver_site(server) is None:
        return ()
    first, *former = receiver_names(server.settings)
    shown = (name for name in former if certificates.read(server.layout, name).certificate)
    return (first, *shown)


def _is_spared(server: Server, name: str, stars: Mapping[str, object]) -> bool:
    """Whether a name is served with the certificate of all names beside it, which is renewed; one
    that somebody brought for it alone goes before that.
    """
    star = wildcard_of(name)
    if star not in stars or is_wildcard(name):
        return False
    wide = certificates.read(server.layout, star).certificate
    now = datetime.fromisoformat(server.clock.stamp())
    return (
        wide is not None
        and wide.covers(name)
        and wide.left(now) > timedelta(0)
        and not certificates.read(server.layout, name).is_brought
    )


def _is_served_by_star(server: Server, name: str) -> bool:
    if certificates.read(server.layout, name).certificate is not None:
        return False
    wide = certificates.read(server.layout, wildcard_of(name)).certificate
    return wide is not None and wide.covers(name)

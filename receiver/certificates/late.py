"""Certificates that should have been renewed by now: what a push and doctor say of them.

Only records are read, so that a push is not held up.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from receiver.certificates.asking import is_ordered
from receiver.model.certificate import Standing
from receiver.model.names import AppName
from receiver.server import Server
from receiver.state import certificates, records

_OFF = "It is not renewed: `ship certs:auto on` has that done."
_IN_DAYS_H = 48
"""From so many hours on, what is left of a certificate is told in days."""


def notices(server: Server, app: AppName) -> Iterator[str]:
    """A line for each certificate of an app that is late, with the reason."""
    if not server.settings.tls_port:
        return
    settings = records.read_app(server.layout.app(app))
    now = datetime.fromisoformat(server.clock.stamp())
    found = (certificates.serving(server.layout, name) for name in server.hosts(app, settings))
    late = {each.name: each for each in found if each is not None and each.is_late(now)}
    for standing in late.values():
        off = not is_ordered(server, settings) and not standing.is_brought
        yield f"{_end(standing, now)} {_OFF if off else why(standing)}"


def why(standing: Standing) -> str:
    """Why a certificate that is late was not renewed, and what tells more."""
    if standing.is_brought:
        return "Nobody renews it: bring the next one, `ship certs:add`."
    if standing.trouble is not None:
        return f"{standing.trouble.title} `ship certs` tells what to do."
    return "It is due for renewal: `ship certs` shows how it goes."


def _end(standing: Standing, now: datetime) -> str:
    if standing.certificate is None:
        return ""
    left, day = standing.certificate.left(now), standing.certificate.ends[:10]
    if left <= timedelta(0):
        return f"The certificate of {standing.name} expired on {day}."
    hours = int(left / timedelta(hours=1))
    amount, unit = (hours // 24, "day") if hours >= _IN_DAYS_H else (hours, "hour")
    return f"The certificate of {standing.name} ends in {amount} {unit}{'s' * (amount != 1)}."

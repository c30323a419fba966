"""Orders certificates for the names of apps, and has nginx serve them: one pass over all names.

`asking` starts one, and a timer does. It is never part of a push. What it does not get, it writes
down with the time of the next try.
"""

import fcntl
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from msgspec.structs import replace

from receiver.certificates import authority, leading, pem
from receiver.certificates.needs import apps, needs
from receiver.changes.app_state import state_of
from receiver.changes.change import changing, changing_machine
from receiver.changes.steps import receiver_site, site_steps
from receiver.machine import files
from receiver.model.certificate import Standing, Trouble, is_wildcard
from receiver.model.errors import ShipError
from receiver.model.layout import Layout
from receiver.model.names import AppName
from receiver.nginx import program as nginx
from receiver.server import Server
from receiver.state import certificates

_PAUSES_S = (60, 300, 1800, 7200, 21_600, 43_200)
"""Between tries: within what an authority allows of failures in an hour."""
_LOOK_AGAIN = 8
"""Whether a certificate is due is asked this often in its life, and twice a day at most."""
_LONGEST_PAUSE = timedelta(hours=12)
_NEW = timedelta(minutes=15)
"""For so long after a name was added its DNS is looked at again and again."""
_EVERY_S = 5.0
_SOON = timedelta(minutes=5)
"""A pass waits this long for the next order of a name that has no certificate; the timer has
later ones made.
"""


def settle(server: Server) -> Iterator[str]:
    """Order what is due, as long as there is something to wait for; yields a line for what came
    of each name.
    """
    with _alone(server.layout) as alone:
        if alone:
            yield from _serve_all(server)
        while alone:
            server.layout.certificates_asked.unlink(missing_ok=True)
            for name, app in needs(server).stars.items():
                yield from _settle(server, name, app)
            found = needs(server)  # those may spare others
            if _forget_others(server, found.kept):
                yield from _serve_all(server)
            for name, app in found.others.items():
                yield from _settle(server, name, app)
            certificates.sweep(server.layout)
            if _is_waited_for(server, (*found.stars, *found.others)):
                server.clock.sleep(_EVERY_S)
            elif not server.layout.certificates_asked.exists():
                return


def _serve_all(server: Server) -> Iterator[str]:
    """Have nginx serve what a power cut kept from it; yields a line where it cannot."""
    try:
        serve_receiver(server)
    except ShipError as error:
        yield f"pushes over HTTP: {error.title}"
    for app, _ in apps(server):
        try:
            serve(server, app)
        except ShipError as error:  # one that is broken keeps no other from it
            yield f"{app}: {error.title}"


@contextmanager
def _alone(layout: Layout) -> Iterator[bool]:
    """Whether nobody else is at it."""
    files.make_folder(layout.certificates, mode=0o700)
    with (layout.certificates / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True


def _forget_others(server: Server, kept: frozenset[str]) -> bool:
    """Keep and order nothing for names that need none any more; whether that was anything."""
    known = certificates.read_all(server.layout).keys()
    for name in known - kept:
        certificates.forget(server.layout, name)
    for name in authority.ordered(server) - kept:
        authority.forget(server, name)
    return bool(known - kept)


def _settle(server: Server, name: str, app: AppName | None) -> Iterator[str]:
    standing = certificates.read(server.layout, name)
    if not _is_due(server, standing):
        return
    # all names below a domain are proved in the DNS, and need not lead here
    by_dns = is_wildcard(name)
    seen = None if by_dns else leading.look(server.layout, name, port=server.settings.http_port)
    if seen is not None and seen.leads != "here":
        _note(server, standing, Trouble(title=seen.said, advice=seen.advice))
        yield f"{name}: {seen.said}"
        return
    try:
        yield from _renewed(server, standing, app)
    except ShipError as error:
        not_before = error.not_before if isinstance(error, authority.OrderError) else ""
        trouble = Trouble(
            title=error.title,
            detail=error.detail,
            advice=error.advice,
            asked=True,
            next_at=not_before,
        )
        _note(server, standing, trouble)
        yield f"{name}: {error.title}"


def _renewed(server: Server, standing: Standing, app: AppName | None) -> Iterator[str]:
    """Keep what the authority has for a name, and have nginx serve it where that is new."""
    name, before = standing.name, standing.certificate
    bundle = pem.read(authority.order(server, name), _now(server))
    known = bundle.kept_as(name, "authority")
    certificates.keep_pem(server.layout, known.file, bundle.text)
    certificates.write(
        server.layout,
        Standing(
            name=name, certificate=known, looked_at=server.clock.stamp(), since=standing.since
        ),
    )
    if app is None or is_wildcard(name):
        yield from _serve_all(server)
    else:
        serve(server, app)
    if before is None or before.file != known.file:
        yield f"{name}: certificate of {bundle.issuer} until {bundle.ends:%F}"


def serve(server: Server, app: AppName) -> None:
    """Have nginx's file of an app name the certificates that there are now."""
    if not site_steps(state_of(server, app)):
        return
    with changing(server, app, "certificate", frozen_too=True) as change:
        change.apply(site_steps(change.state))


def serve_receiver(server: Server) -> None:
    """Have nginx's file for pushes over HTTP name the certificate that there is now."""
    site = receiver_site(server)
    if site is None or files.read_text(Path(site.path)) == site.text:
        return
    with changing_machine(server, "certificate") as change:
        change.apply((site,))
        nginx.test(server.layout, None)
        server.host.reload_nginx()


def _is_due(server: Server, standing: Standing) -> bool:
    now = _now(server)
    if standing.trouble is not None and standing.trouble.next_at:
        return now >= datetime.fromisoformat(standing.trouble.next_at)
    known = standing.certificate
    if known is None:
        # one that somebody brought for all names beside it will do
        wide = certificates.serving(server.layout, standing.name)
        return wide is None or not wide.is_brought
    if known.by == "owner":
        return False
    pause = min(known.life / _LOOK_AGAIN, _LONGEST_PAUSE)
    return now >= datetime.fromisoformat(standing.looked_at or known.begins) + pause


def _note(server: Server, standing: Standing, trouble: Trouble) -> None:
    """Write down what came of a try, and when the next one is: soon after only a look, which no
    authority counts, and not before the time that an authority named.
    """
    now, tries = _now(server), standing.trouble.tries if standing.trouble else 0
    if _is_new(standing, now) and not trouble.asked:
        pause_s = _EVERY_S
    else:
        tries += 1
        pause_s = _PAUSES_S[min(tries, len(_PAUSES_S)) - 1]
    next_at = max(f"{now + timedelta(seconds=pause_s):%FT%TZ}", trouble.next_at)
    noted = replace(trouble, tries=tries, at=server.clock.stamp(), next_at=next_at)
    certificates.write(server.layout, replace(standing, trouble=noted))


def _is_new(standing: Standing, now: datetime) -> bool:
    return bool(standing.since) and now - datetime.fromisoformat(standing.since) < _NEW


def _is_waited_for(server: Server, wanted: Iterable[str]) -> bool:
    """Whether a name that has no certificate yet was added a moment ago, or is ordered soon."""
    now = _now(server)
    found = (certificates.read(server.layout, name) for name in wanted)
    return any(
        each.certificate is None and (_is_new(each, now) or _is_soon(each, now)) for each in found
    )


def _is_soon(standing: Standing, now: datetime) -> bool:
    trouble = standing.trouble
    if trouble is None or not trouble.asked:
        return False
    return datetime.fromisoformat(trouble.next_at) - now <= _SOON


def _now(server: Server) -> datetime:
    return datetime.fromisoformat(server.clock.stamp()).astimezone(UTC)

"""The story of an app's domains: host names besides its own, which no other app may have."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from receiver.access import grants as access
from receiver.certificates import asking, leading
from receiver.changes.change import AppChange, changing, looking
from receiver.changes.recovery import unheard
from receiver.changes.steps import name_steps, settings_step, site_steps
from receiver.model.certificate import Standing
from receiver.model.errors import ExistsError, NotFoundError, UsageError
from receiver.model.names import AppName
from receiver.model.settings import Server as ServerSettings
from receiver.server import Server
from receiver.state import certificates, records

_EVERY_S = 1.0
_LOOKED_AT_S = 600.0
"""The DNS is looked at all the time for a little longer than this after it was asked for."""


class Domain(NamedTuple):
    """A host name of an app, and how it stands with its certificate."""

    name: str
    standing: Standing
    """Its own certificate, or that of all names beside it; and what came of the last order."""
    own: bool
    """Whether it is the app's name below the server's domain."""


def listed(server: Server, app: AppName) -> list[Domain]:
    """All host names of an app, its own first."""
    own = server.address(app)
    return [Domain(name, standing_of(server, name), name == own) for name in server.hosts(app)]


def add(server: Server, app: AppName, names: Sequence[str]) -> tuple[str, ...]:
    """Give an app host names, and have certificates ordered for them; returns those it had not.

    Raises:
        ExistsError: another app has one of them; nothing was changed
        UsageError: one is a name of the server itself
    """
    with changing(server, app, "domains:add") as change, access.changing(server.layout):
        before = change.state.settings.domains
        fresh = tuple(dict.fromkeys(name for name in names if name not in before))
        for name in fresh:
            _refuse_taken(server, app, name)
        _change(change, lambda domains: (*domains, *fresh))
        for name in fresh:
            asking.begin_to_wait(server, name)
    asking.ask_for(server, app)
    return fresh


def remove(server: Server, app: AppName, names: Sequence[str]) -> None:
    """Take host names from an app; their certificates go too.

    Raises:
        NotFoundError: it has one of them not; nothing was changed
    """
    with changing(server, app, "domains:remove") as change:
        there = change.state.settings.domains
        for name in names:
            if name not in there:
                raise NotFoundError(
                    f"{name} is not among the domains of {app}.",
                    detail=f"There are: {', '.join(there) or 'none'}.",
                    advice="Its own name below the server's domain stays with an app."
                    if name == server.address(app)
                    else "",
                    reason="not-found/domain",
                )
        _change(change, lambda domains: tuple(name for name in domains if name not in names))
    asking.wake(server)  # it forgets what no app needs


def look(server: Server, name: str) -> leading.Look:
    """Where a host name leads."""
    return leading.look(server.layout, name, port=server.settings.http_port)


def app_of(server: Server, name: str, among: Iterable[AppName]) -> AppName | None:
    """The app, of some, that answers to a host name; None where none does."""
    return next((app for app in among if name in server.hosts(app)), None)


def awaited(
    server: Server,
    app: AppName,
    names: Collection[str],
    *,
    limit_s: float,
    tell: Callable[[Domain], object],
) -> Iterator[str]:
    """Wait until names of an app have their certificates, and yield each; returns after `limit_s`
    at the latest. `tell` is given what is still missing to a name, whenever that is another thing.
    """
    clock, left, said = server.clock, list(names), dict[str, tuple[str, ...]]()
    look_again_at = clock.now()
    ends = look_again_at + limit_s
    while left:
        if clock.now() >= look_again_at:
            look_again_at = clock.now() + _LOOKED_AT_S
            for name in left:
                asking.begin_to_wait(server, name)
            asking.wake(server)
        for domain in [each for each in listed(server, app) if each.name in left]:
            if server.has_certificate(domain.name):
                left.remove(domain.name)
                with looking(server, app, "domains:wait", unheard()):
                    pass  # nginx has read its files once nobody is at work on the app any more
                yield domain.name
            elif said.get(domain.name) != (missing := _missing(domain)):
                said[domain.name] = missing
                tell(domain)
        if clock.now() >= ends:
            return
        clock.sleep(_EVERY_S if left else 0)


def _missing(domain: Domain) -> tuple[str, ...]:
    trouble = domain.standing.trouble
    return () if trouble is None else (trouble.title, trouble.detail, trouble.advice)


def refuse_taken_name(server: Server, app: AppName) -> None:
    """Refuse a name for an app whose address another app was given.

    Raises:
        ExistsError: another app has it
    """
    for other in records.app_names(server.layout):
        theirs = records.read_app(server.layout.app(other)).domains if other != app else ()
        for address in (server.address(app), *server.former_addresses(app)):
            if address not in theirs:
                continue
            raise ExistsError(
                f"{address} is a domain of the app {other}.",
                advice=f"Choose another name, or take it from {other}: "
                f"`ship domains:remove {address} -a {other}`.",
                reason="exists/domain",
            )


def names_server(settings: ServerSettings, name: str) -> bool:
    """Whether a host name is the server's own, or is all names below its domain."""
    return any(
        name in {domain, f"ship.{domain}"} or name.startswith(f"*.{domain}")
        for domain in (settings.domain, *settings.former_domains)
    )


def _change(change: AppChange, to: Callable[[tuple[str, ...]], tuple[str, ...]]) -> None:
    settings = change.state.settings
    after = change.state.with_settings(replace(settings, domains=to(settings.domains)))
    if after.settings != settings:
        change.apply((settings_step(after), *name_steps(after), *site_steps(after)))


def _refuse_taken(server: Server, app: AppName, name: str) -> None:
    if name == server.address(app):
        raise UsageError(
            f"{name} is the app's own address already.",
            advice="Name only others.",
            reason="usage/bad-domain",
        )
    if names_server(server.settings, name):
        raise UsageError(
            f"{name} is the server's own.",
            detail="Its apps answer below it, and pushes over HTTP come in there.",
            advice="Give the app another name.",
            reason="usage/bad-domain",
        )
    for other in records.app_names(server.layout):
        if other != app and name in {*server.hosts(other), *server.former_addresses(other)}:
            raise ExistsError(
                f"{name} is a domain of the app {other} already.",
                detail="A name can lead to one app.",
                advice=f"Take it from there first: `ship domains:remove {name} -a {other}`.",
                reason="exists/domain",
            )


def standing_of(server: Server, name: str) -> Standing:
    """What is known of a name: the certificate that it is served with, and what came of the last
    order of its own.
    """
    standing = certificates.read(server.layout, name)
    found = certificates.of_name(server.layout, name)
    return replace(standing, certificate=found) if found is not None else standing

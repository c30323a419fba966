"""`ship domains`: host names of an app, where they lead, and how they stand with https."""

from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

import click

from receiver.cli import show
from receiver.cli.command import Call, command, for_app, with_json
from receiver.model.errors import UsageError

if TYPE_CHECKING:
    from receiver.apps.domains import Domain
    from receiver.model.names import AppName


@command(
    "domains",
    example="$ ship domains -a shop\n"
    "shop.example.com  https, until 2027-02-27\n"
    "www.shop.example  The DNS has no address for www.shop.example.\n"
    "                  Set at your DNS provider: www.shop.example A 203.0.113.5.",
)
@for_app
@with_json
def report(call: Call, *, as_json: bool) -> None:
    """Show the host names of an app, its own first, with what is missing to each."""
    from receiver.apps import domains

    found = domains.listed(call.server, call.app)
    if as_json:
        show.as_json([_as_data(each) for each in found])
        return
    width = max(len(_shown(each)) for each in found)
    for each in found:
        first, *others = _states(call, each)
        show.data(f"{_shown(each):<{width}}  {first}")
        for line in others:
            show.data(f"{'':<{width}}  {line}")


@command(
    "domains:info",
    example="$ ship domains:info www.shop.example\n"
    "Domain:  www.shop.example\nApp:     shop\n"
    "A:       203.0.113.5, this server\nAAAA:    none\nLeads:   here\n"
    'CAA:     0 issue "letsencrypt.org" (shop.example): allows the authority\n'
    "Issuer:  Let's Encrypt E7\nFrom:    2026-11-29T08:00:00Z\n"
    "Until:   2027-02-27T08:00:00Z\nRenewal: about 2027-01-28",
)
@with_json
@click.argument("name", metavar="DOMAIN")
def info(call: Call, name: str, *, as_json: bool) -> None:
    """Show one host name: its app, what the DNS has of it, where it leads, and its certificate.

    An admin can ask for a name that no app has yet.
    """
    from receiver.access import grants as access
    from receiver.apps import domains
    from receiver.model.domains import parse_domain
    from receiver.model.errors import NotFoundError
    from receiver.state import records

    layout, host = call.server.layout, parse_domain(name)
    seen = access.visible(layout, call.key, records.app_names(layout))
    app = domains.app_of(call.server, host, seen)
    if app is None and call.key and access.everywhere(layout, call.key) != "admin":
        raise NotFoundError(
            f"None of your apps has the domain {host}.",
            advice="`ship domains -a NAME` lists the domains of an app.",
            reason="not-found/domain",
        )
    found = _Info(call, host, app)
    if as_json:
        show.as_json(found.as_data())
    else:
        show.fields({key: value for key, value in found.fields().items() if value})


@command(
    "domains:add",
    example="$ ship domains:add www.shop.example shop.example -a shop\n"
    "www.shop.example leads here: https follows in a moment.\n"
    "The DNS has no address for shop.example.\n"
    "Set at your DNS provider: shop.example A 203.0.113.5.",
)
@for_app
@click.argument("names", nargs=-1, metavar="DOMAIN...")
def add(call: Call, names: tuple[str, ...]) -> None:
    """Give an app host names; what is missing in the DNS is said, and https follows by itself.

    Write `*.example.com` for all names below example.com; the server's `dns_hook` gets its
    certificate, or you bring one by `ship certs:add`.
    """
    from receiver.apps import domains

    wanted = _parsed(names)
    fresh = domains.add(call.server, call.app, wanted)
    for name in wanted:
        if name not in fresh:
            show.progress(f"{name} is a domain of {call.app} already.")
    for name in fresh:
        seen = domains.look(call.server, name)
        if seen.leads == "here":
            follows = _is_ordered(call, name)
            show.progress(f"{name} leads here{': https follows in a moment.' if follows else '.'}")
        else:
            show.progress(f"{seen.said}\n{seen.advice}")


@command(
    "domains:remove",
    example="$ ship domains:remove www.shop.example -a shop\n"
    "www.shop.example leads to shop no more.",
)
@for_app
@click.argument("names", nargs=-1, metavar="DOMAIN...")
def remove(call: Call, names: tuple[str, ...]) -> None:
    """Take host names from an app, and their certificates."""
    from receiver.apps import domains

    wanted = _parsed(names)
    domains.remove(call.server, call.app, wanted)
    lead = "leads" if len(wanted) == 1 else "lead"
    show.progress(f"{', '.join(wanted)} {lead} to {call.app} no more.")


@command(
    "domains:clear",
    example="$ ship domains:clear -a shop\nshop answers to shop.example.com alone.",
)
@for_app
def clear(call: Call) -> None:
    """Take all host names from an app but its own."""
    from receiver.apps import domains

    others = [each.name for each in domains.listed(call.server, call.app) if not each.own]
    if others:
        domains.remove(call.server, call.app, others)
    show.progress(f"{call.app} answers to {call.server.address(call.app)} alone.")


@command(
    "domains:wait",
    example="$ ship domains:wait www.shop.example -a shop\n"
    "The DNS has no address for www.shop.example.\n"
    "Set at your DNS provider: www.shop.example A 203.0.113.5.\n"
    "https://www.shop.example",
)
@for_app
@click.option("--limit", "limit_s", type=click.IntRange(1), default=3600, metavar="SECONDS",
              help="How long to wait; an hour when not given.")  # fmt: skip
@click.argument("names", nargs=-1, metavar="[DOMAIN...]")
def wait(call: Call, names: tuple[str, ...], limit_s: int) -> int:
    """Wait until host names lead here and have their certificates; of all when none is given.

    Prints the address of each. Exit code 8 where the time was not enough.
    """
    from receiver.apps import domains
    from receiver.model.errors import ServerError

    its = {each.name for each in domains.listed(call.server, call.app)}
    wanted = list(_parsed(names) if names else its)
    for name in wanted:
        if name not in its:
            raise _not_its(name, call)

    def tell(domain: "Domain") -> None:
        show.progress("\n".join(_states(call, domain)))

    for name in domains.awaited(call.server, call.app, wanted, limit_s=limit_s, tell=tell):
        show.data(call.server.url_of(name))
    left = [name for name in wanted if not call.server.has_certificate(name)]
    return ServerError("").exit_code if left else 0


class _Info:
    """All that is known of one host name."""

    def __init__(self, call: Call, host: str, app: "AppName | None") -> None:
        from receiver.apps import domains
        from receiver.certificates import caa

        self._host, self._app = host, app
        self._look = domains.look(call.server, host)
        self._standing = domains.standing_of(call.server, host)
        self._identities = caa.identities(call.server.settings)
        self._caa: caa.Found | None = None
        with suppress(OSError):
            self._caa = caa.look(host)

    def fields(self) -> dict[str, str]:
        """By what it is called, each thing in words; empty ones are unknown."""
        from receiver.model.domains import shown

        fields = {
            "Domain": shown(self._host),
            "App": self._app or f"none; to give it to one: ship domains:add {self._host} -a NAME",
            "A": self._addresses("A"),
            "AAAA": self._addresses("AAAA"),
            "Leads": "here" if self._look.leads == "here" else self._look.said,
            "To do": self._look.advice,
            "CAA": self._caa_shown(),
        }
        known, trouble = self._standing.certificate, self._standing.trouble
        if known is not None:
            fields |= {"Issuer": known.issuer, "From": known.begins, "Until": known.ends}
            fields["Renewal"] = (
                f"about {known.renewed_about[:10]}" if known.by == "authority" else "by hand"
            )
        elif self._app is not None:
            fields["Issuer"] = "none: there is no certificate yet"
        if trouble is not None:
            if trouble.title != self._look.said:
                fields |= {"Failed": trouble.title, "Seen": trouble.detail, "Do": trouble.advice}
            fields |= {"Last try": trouble.at, "Next try": trouble.next_at}
        return fields

    def as_data(self) -> dict[str, object]:
        """The same for programs."""
        from receiver.cli.commands.certs import standing_as_data

        caa, standing = self._caa, standing_as_data(self._standing)
        standing["trouble_advice"] = standing.pop("advice")
        return {
            "name": self._host,
            "app": self._app,
            "leads": self._look.leads,
            "addresses": [
                {"record": each.kind, "address": each.address, "leads_to": each.leads_to}
                for each in self._look.addresses
            ],
            "advice": self._look.advice or None,
            "caa": None if caa is None else [str(each) for each in caa.properties],
            "caa_of": caa.owner or None if caa else None,
            "caa_allows": self._allowed(),
            **standing,
        }

    def _addresses(self, kind: str) -> str:
        its = [each for each in self._look.addresses if each.kind == kind]
        return "; ".join(f"{each.address}, {each.leads_to}" for each in its) or "none"

    def _allowed(self) -> bool | None:
        """Whether CAA lets the authority of this server make a certificate; None: not known."""
        if self._caa is None or (self._caa.properties and not self._identities):
            return None
        return self._caa.allow(self._identities, wildcard=self._host.startswith("*."))

    def _caa_shown(self) -> str:
        if self._caa is None:
            return "not known: the DNS did not answer"
        if not self._caa.properties:
            return "none, so that any authority may make a certificate"
        records = ", ".join(map(str, self._caa.properties))
        judged = {True: ": allows the authority", False: ": forbids the authority", None: ""}
        return f"{records} ({self._caa.owner}){judged[self._allowed()]}"


def _not_its(name: str, call: Call) -> UsageError:
    return UsageError(
        f"{name} is not a domain of {call.app}.",
        advice=f"Give it to the app first: `ship domains:add {name} -a {call.app}`.",
        reason="usage/bad-domain",
    )


def _parsed(names: Sequence[str]) -> tuple[str, ...]:
    from receiver.model.domains import parse_domain

    if not names:
        raise UsageError(
            "No domain was named.",
            advice="Name it, as in `ship domains:add www.example.com`.",
            reason="usage/bad-domain",
        )
    return tuple(dict.fromkeys(map(parse_domain, names)))


def _shown(domain: "Domain") -> str:
    from receiver.model.domains import shown

    return shown(domain.name)


def _is_ordered(call: Call, name: str) -> bool:
    """Whether https comes by itself for a name."""
    from receiver.cli.commands import certs
    from receiver.model.certificate import is_wildcard

    return certs.is_ordered(call) and (not is_wildcard(name) or bool(call.server.settings.dns_hook))


def _states(call: Call, domain: "Domain") -> list[str]:
    """How a name stands, in words, the most important first."""
    standing = domain.standing
    lines = []
    if standing.certificate is not None:
        lines.append(f"https, until {standing.certificate.ends[:10]}")
    if standing.trouble is not None:
        trouble = standing.trouble
        lines += [each for each in (trouble.title, trouble.detail, trouble.advice) if each]
    if not lines:
        lines.append("https is being prepared" if _is_ordered(call, domain.name) else "http")
    return lines


def _as_data(domain: "Domain") -> dict[str, object]:
    certificate, trouble = domain.standing.certificate, domain.standing.trouble
    return {
        "name": domain.name,
        "own": domain.own,
        "https": certificate is not None,
        "until": certificate.ends if certificate else None,
        "trouble": trouble.title if trouble else None,
        "advice": trouble.advice if trouble else None,
    }

"""`ship domains`: host names of an app, where they lead, and how they stand with https."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from receiver.cli import show
from receiver.cli.command import Call, command, for_app, with_json
from receiver.model.errors import UsageError

if TYPE_CHECKING:
    from receiver.apps.domains import Domain


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

    Write `*.example.com` for all names below example.com; its certificate is one that you bring, by
    `ship certs:add`.
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
            follows = call.server.settings.tls_port and "*" not in name
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


def _states(call: Call, domain: "Domain") -> list[str]:
    """How a name stands, in words, the most important first."""
    standing, tls = domain.standing, call.server.settings.tls_port
    lines = []
    if standing.certificate is not None:
        lines.append(f"https, until {standing.certificate.ends[:10]}")
    if standing.trouble is not None:
        trouble = standing.trouble
        lines += [each for each in (trouble.title, trouble.detail, trouble.advice) if each]
    if not lines:
        lines.append("https is being prepared" if tls and "*" not in domain.name else "http")
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

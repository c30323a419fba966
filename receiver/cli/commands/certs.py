"""`ship certs`: with which certificates an app is served by https, and who looks after them."""

import sys
from typing import TYPE_CHECKING

import click

from receiver.cli import given_file, show
from receiver.cli.command import Call, command, for_app, with_json
from receiver.model.errors import NotFoundError, UsageError

if TYPE_CHECKING:
    from receiver.apps.domains import Domain
    from receiver.model.certificate import Standing


@command(
    "certs",
    example="$ ship certs -a shop\n"
    "shop.example.com  Let's Encrypt E7  until 2027-02-27  by itself about 2027-01-28",
)
@for_app
@with_json
def report(call: Call, *, as_json: bool) -> None:
    """Show the certificate of each host name of an app, and what is missing to those without."""
    from receiver.apps import domains

    found = domains.listed(call.server, call.app)
    if as_json:
        show.as_json([_as_data(each) for each in found])
        return
    if not call.server.settings.tls_port:
        show.progress("nginx of this server does not listen for https.")
    ordered = is_ordered(call)
    rows = [_row(each, ordered=ordered) for each in found]
    show.table(("Domain", "Issuer", "Until", "Renewal"), rows)
    for each in found:
        if (trouble := each.standing.trouble) is not None:
            said = (trouble.title, trouble.detail, trouble.advice, _tried(each))
            show.progress("\n".join(line for line in said if line))


@command(
    "certs:info",
    example="$ ship certs:info www.shop.example -a shop\n"
    "Domain:  www.shop.example\nIssuer:  Let's Encrypt E7\nCovers:  www.shop.example\n"
    "Begins:  2026-11-29T08:00:00Z\nEnds:    2027-02-27T08:00:00Z\n"
    "Renewal: by itself about 2027-01-28",
)
@for_app
@with_json
@click.argument("name", metavar="[DOMAIN]", required=False)
def info(call: Call, name: str | None, *, as_json: bool) -> None:
    """Show one certificate: what it covers, who signed it, how long it lasts."""
    found = _one(call, name)
    if as_json:
        show.as_json(_as_data(found))
        return
    known, trouble = found.standing.certificate, found.standing.trouble
    fields = {"Domain": found.name}
    if known is not None:
        fields |= {
            "Issuer": known.issuer,
            "Covers": ", ".join(known.names),
            "Begins": known.begins,
            "Ends": known.ends,
            "Renewal": _renewal(found, ordered=is_ordered(call)),
        }
    if trouble is not None:
        fields |= {"Trouble": trouble.title, "Seen": trouble.detail, "Do": trouble.advice}
        fields |= {"Tried": trouble.at, "Next try": trouble.next_at}
    show.fields({key: value for key, value in fields.items() if value})


@command(
    "certs:add",
    example="$ cat privkey.pem fullchain.pem | ship certs:add -a shop\n"
    "www.shop.example is served with the certificate of Example CA, until 2027-02-27.\n"
    "Nobody renews it by itself: bring the next one in time.",
)
@for_app
def add(call: Call) -> None:
    """Serve an app with a certificate of your own: key and chain, as PEM on standard input.

    It counts for those names of the app that it covers, in place of one that is ordered.
    """
    from receiver.certificates import bringing, pem

    if sys.stdin.isatty():
        raise UsageError(
            "The certificate and its key come on standard input.",
            advice="Type: `cat privkey.pem fullchain.pem | ship certs:add -a NAME`.",
            reason="usage/bad-certificate",
        )
    if not call.server.settings.tls_port:
        raise UsageError(
            "nginx of this server does not listen for https.",
            advice="Set https_port in the server's ship.toml, then run installer.sh again.",
            reason="usage/no-https",
        )
    data = given_file.read(call, given_file.STDIN, pem.LARGEST_BYTES + 1)
    if len(data) > pem.LARGEST_BYTES:
        raise UsageError(
            "What was sent is too large for a certificate.",
            detail=f"It has more than {pem.LARGEST_BYTES // 1024} KiB.",
            advice="Send the private key and the chain alone.",
            reason="usage/bad-certificate",
        )
    bundle, names = bringing.bring(call.server, call.app, data)
    are = "is" if len(names) == 1 else "are"
    show.progress(
        f"{', '.join(names)} {are} served with the certificate of {bundle.issuer}, until"
        f" {bundle.ends:%F}.\nNobody renews it by itself: bring the next one in time."
    )


@command(
    "certs:remove",
    example="$ ship certs:remove www.shop.example -a shop\n"
    "The certificate that was brought for www.shop.example is gone; one is ordered.",
)
@for_app
@click.argument("name", metavar="DOMAIN")
def remove(call: Call, name: str) -> None:
    """Take away a certificate that was brought; where certificates are ordered, one is."""
    from receiver.certificates import asking, bringing
    from receiver.model.domains import parse_domain

    host = parse_domain(name)
    bringing.take_away(call.server, call.app, host)
    ordered = is_ordered(call)
    follows = "one is ordered." if ordered else "none is ordered, so that browsers warn."
    show.progress(f"The certificate that was brought for {host} is gone; {follows}")
    asking.ask_for(call.server, call.app)


@command(
    "certs:auto",
    example="$ ship certs:auto -a shop\non\n$ ship certs:auto off -a shop\n"
    "No certificates are ordered for shop any more; those it has stay until they end.",
)
@for_app
@click.argument("state", type=click.Choice(("on", "off")), required=False)
def auto(call: Call, state: str | None) -> None:
    """Have certificates ordered for an app's names, or not; without a word, tell which."""
    from msgspec.structs import replace

    from receiver.certificates import asking
    from receiver.changes.change import configure

    if state is None:
        show.data("on" if is_ordered(call) else "off")
        if call.server.settings.certificates == "off":
            show.progress('The server\'s ship.toml says `certificates = "off"` for all apps.')
        return
    wanted = "auto" if state == "on" else "off"
    configure(
        call.server,
        call.app,
        lambda settings: replace(settings, certificates=wanted),
        "certs:auto",
    )
    if state == "on":
        asking.ask_for(call.server, call.app)
        show.progress(f"Certificates are ordered for {call.app}.")
    else:
        show.progress(
            f"No certificates are ordered for {call.app} any more; those it has stay until they"
            " end."
        )


@command("certs:settle")
def settle(call: Call) -> None:
    """Order the certificates that are due: what the timer of this machine calls."""
    from receiver.certificates import ordering

    for line in ordering.settle(call.server):
        show.data(line)


def _one(call: Call, name: str | None) -> "Domain":
    from receiver.apps import domains
    from receiver.model.domains import parse_domain

    found = {each.name: each for each in domains.listed(call.server, call.app)}
    host = parse_domain(name) if name else call.server.address(call.app)
    if host not in found:
        raise NotFoundError(
            f"{host} is not a domain of {call.app}.",
            detail=f"There are: {', '.join(found)}.",
            reason="not-found/domain",
        )
    return found[host]


def _row(domain: "Domain", *, ordered: bool) -> tuple[str, str, str, str]:
    known = domain.standing.certificate
    if known is None:
        return domain.name, "none", "", ""
    return domain.name, known.issuer, f"until {known.ends[:10]}", _renewal(domain, ordered=ordered)


def _renewal(domain: "Domain", *, ordered: bool) -> str:
    known = domain.standing.certificate
    if known is None or known.by == "owner":
        return "by hand"
    return f"by itself about {known.renewed_about[:10]}" if ordered else "none: certs:auto is off"


def is_ordered(call: Call) -> bool:
    """Whether certificates are ordered for the names of the app, without being asked for."""
    from receiver.certificates import asking
    from receiver.state import records

    return asking.is_ordered(call.server, records.read_app(call.server.app(call.app)))


def _tried(domain: "Domain") -> str:
    trouble = domain.standing.trouble
    return f"Tried at {trouble.at}; next at {trouble.next_at}." if trouble else ""


def _as_data(domain: "Domain") -> dict[str, object]:
    return {"name": domain.name, **standing_as_data(domain.standing)}


def standing_as_data(standing: "Standing") -> dict[str, object]:
    """What is known of the certificate of a name, for programs."""
    known, trouble = standing.certificate, standing.trouble
    return {
        "issuer": known.issuer if known else None,
        "covers": list(known.names) if known else [],
        "begins": known.begins if known else None,
        "ends": known.ends if known else None,
        "by": known.by if known else None,
        "renewed_about": known.renewed_about if known and known.by == "authority" else None,
        "trouble": trouble.title if trouble else None,
        "detail": trouble.detail if trouble else None,
        "advice": trouble.advice if trouble else None,
        "tried_at": trouble.at if trouble else None,
        "next_try_at": trouble.next_at if trouble else None,
    }

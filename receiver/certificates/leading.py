"""Whether a host name leads to this server, and if not, in words, what to set at the DNS provider.

The DNS is looked at to explain; what decides is whether nginx of this server answers at the
addresses that it tells, as an authority would ask it, so that a proxy in between is no hindrance.
"""

import http.client
import ipaddress
import json
import secrets
import socket
from contextlib import suppress
from pathlib import Path
from typing import Literal, NamedTuple

from receiver.machine import files, shell
from receiver.model import proxies
from receiver.model.layout import Layout

ACME = ".well-known/acme-challenge"
_LIMIT_S = 5.0
_FAMILIES = (("A", socket.AF_INET), ("AAAA", socket.AF_INET6))
_CLOUDFLARE = "cloudflare"
_ANY_LABEL = "ship-looks"
"""Stands for the star in `*.example.com`, where one name below example.com is looked up."""


class Address(NamedTuple):
    """An address that the DNS has for a name."""

    kind: str
    """Of its record: A or AAAA."""
    address: str
    here: bool
    """Whether this server answered at it."""

    @property
    def leads_to(self) -> str:
        """Whose it is, as far as that is known."""
        if self.here:
            return "this server"
        return "Cloudflare" if _is_cloudflares(self.address) else "elsewhere"


class Look(NamedTuple):
    """What was seen of a name."""

    leads: Literal["here", "elsewhere", "nowhere"]
    addresses: tuple[Address, ...] = ()
    said: str = ""
    """In words, where it does not lead here."""
    advice: str = ""


def look(layout: Layout, name: str, *, port: int) -> Look:
    """Ask for a word of this server's own at all addresses of a name.

    Args:
        layout: the server's places
        name: a host name, in its form for the DNS, or `*.` and one for all names below it
        port: where nginx of this server listens for http
    """
    one = name.replace("*", _ANY_LABEL, 1)
    records = tuple(
        (kind, address) for kind, family in _FAMILIES for address in _resolved(one, family)
    )
    own = own_addresses()
    if not records:
        return Look("nowhere", (), f"The DNS has no address for {name}.", _to_set(name, own))
    there = _answered_here(layout, one, records, port)
    addresses = tuple(Address(*record, record in there) for record in records)
    wrong = tuple(record for record in records if record not in there)
    if not wrong:
        return Look("here", addresses)
    said = _elsewhere(name, there, wrong)
    return Look("elsewhere", addresses, said, _to_change(name, own, wrong))


def own_addresses() -> tuple[str, ...]:
    """The addresses of this machine that others can reach, as far as it knows them itself: behind
    a router that translates addresses, it does not.
    """
    with suppress(shell.CommandError, ValueError):
        found = json.loads(shell.capture(("ip", "-json", "address", "show", "scope", "global")))
        # what the filter leaves out is there as an empty entry
        inside = [entry.get("local") for link in found for entry in link.get("addr_info", ())]
        return tuple(str(each) for each in inside if each is not None)
    return ()


def _resolved(name: str, family: socket.AddressFamily) -> tuple[str, ...]:
    with suppress(OSError, UnicodeError):
        found = socket.getaddrinfo(name, None, family, socket.SOCK_STREAM)
        return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))
    return ()


def _answered_here(
    layout: Layout, name: str, records: tuple[tuple[str, str], ...], port: int
) -> tuple[tuple[str, str], ...]:
    """Those of the addresses at which this server answers for a name."""
    folder = layout.challenges / ACME
    path = folder / f"ship-{secrets.token_hex(8)}"
    word = secrets.token_hex(16)
    files.make_folder(layout.challenges, mode=0o755)
    for each in (folder.parent, folder):
        files.make_folder(each, mode=0o755)
    try:
        files.write_atomically(path, word, mode=0o644)
        return tuple(record for record in records if _asked(name, record[1], port, path) == word)
    finally:
        files.remove(path)


def _asked(name: str, address: str, port: int, path: Path) -> str:
    connection = http.client.HTTPConnection(address, port, timeout=_LIMIT_S)
    try:
        connection.request("GET", f"/{ACME}/{path.name}", headers={"Host": name})
        return connection.getresponse().read(1024).decode("ascii", "replace")
    except (OSError, http.client.HTTPException):
        return ""
    finally:
        connection.close()


def _elsewhere(
    name: str, there: tuple[tuple[str, str], ...], wrong: tuple[tuple[str, str], ...]
) -> str:
    addresses = ", ".join(address for _, address in wrong)
    if there:
        right = ", ".join(address for _, address in there)
        return (
            f"{name} leads here by {right}, and elsewhere by {addresses}: visitors and authorities "
            "take either."
        )
    if any(_is_cloudflares(address) for _, address in wrong):
        return (
            f"{name} leads to Cloudflare ({addresses}), and what it passes on did not arrive here."
        )
    return f"{name} leads to {addresses}, and this server did not answer there on port 80."


def _is_cloudflares(address: str) -> bool:
    seen = ipaddress.ip_address(address)
    return any(seen in ipaddress.ip_network(each) for each in proxies.networks((_CLOUDFLARE,)))


def _to_set(name: str, own: tuple[str, ...]) -> str:
    return f"Set at your DNS provider: {' and '.join(_lines(name, own))}."


def _to_change(name: str, own: tuple[str, ...], wrong: tuple[tuple[str, str], ...]) -> str:
    kinds = {kind for kind, _ in wrong}
    mine = {kind: _of_kind(own, kind) for kind in kinds}
    if any(address in own for _, address in wrong):
        return "Let port 80 through the firewall of this machine, and of its provider."
    said = [
        f"{name} {kind} {mine[kind][0]}" if mine[kind] else f"no {kind} record for {name}"
        for kind in sorted(kinds)
    ]
    return f"Set at your DNS provider: {' and '.join(said)}."


def _lines(name: str, own: tuple[str, ...]) -> list[str]:
    found = [
        f"{name} {kind} {address}" for kind in ("A", "AAAA") for address in _of_kind(own, kind)
    ]
    return found or [f"{name} A, with the address of this server"]


def _of_kind(addresses: tuple[str, ...], kind: str) -> list[str]:
    wanted = 4 if kind == "A" else 6
    return [each for each in addresses if ipaddress.ip_address(each).version == wanted][:1]

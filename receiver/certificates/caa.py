"""CAA records: which authorities a domain's owner lets make certificates, as RFC 8659 has it.

By what names an authority knows itself in them, the directory of its API says.
"""

import json
from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple
from urllib.parse import urlsplit

from receiver.machine import dns
from receiver.model.certificate import is_wildcard
from receiver.model.settings import Server

_LETS_ENCRYPT = ("letsencrypt.org",)
_LIMIT_S = 5.0
_LARGEST_BYTES = 65_536
_CRITICAL = 0x80
_KNOWN = frozenset({"issue", "issuewild", "iodef", "issuemail", "issuevmc", "contactemail"})
"""What an authority may pass by, or knows; any other that is critical forbids."""


class Property(NamedTuple):
    """One CAA record."""

    critical: bool
    tag: str
    value: str

    def __str__(self) -> str:
        """As it stands in a zone's file."""
        return f'{_CRITICAL if self.critical else 0} {self.tag} "{self.value}"'


class Found(NamedTuple):
    """The CAA records that count for a name."""

    owner: str
    """The name that has them: the one asked for, or one above it; empty where none has any."""
    properties: tuple[Property, ...] = ()

    def allow(self, identities: Sequence[str], *, wildcard: bool = False) -> bool:
        """Whether an authority that knows itself by these names may make a certificate."""
        if any(each.critical and each.tag not in _KNOWN for each in self.properties):
            return False
        wild = [each for each in self.properties if each.tag == "issuewild"] if wildcard else []
        rules = wild or [each for each in self.properties if each.tag == "issue"]
        who = {each.value.partition(";")[0].strip().lower() for each in rules}
        return not rules or bool(who & set(identities))


def look(name: str, servers: Sequence[dns.Place] = ()) -> Found:
    """The CAA records that count for a host name, or for all names below it.

    Raises:
        OSError: the DNS did not answer
    """
    labels = name.removeprefix("*.").split(".")
    for above in range(len(labels)):
        owner = ".".join(labels[above:])
        if data := dns.records(owner, dns.CAA, servers):
            return Found(owner, tuple(map(_property, data)))
    return Found("")


def _property(data: bytes) -> Property:
    flags, size = data[0], data[1]
    tag, value = data[2 : 2 + size], data[2 + size :]
    return Property(
        bool(flags & _CRITICAL),
        tag.decode("ascii", "replace").lower(),
        value.decode("utf-8", "replace"),
    )


def identities(settings: Server) -> tuple[str, ...]:
    """The names by which the authority of a server knows itself in CAA records; none where it does
    not say.
    """
    if not settings.acme_server:
        return _LETS_ENCRYPT
    import urllib.request  # noqa: PLC0415 - slow, and only for another authority than most have

    with suppress(OSError, ValueError, AttributeError):
        with urllib.request.urlopen(settings.acme_server, timeout=_LIMIT_S) as answer:  # noqa: S310 - the setting is https
            found = json.loads(answer.read(_LARGEST_BYTES)).get("meta", {}).get("caaIdentities", ())
        return tuple(str(each).lower() for each in found)
    return ()


def advice(settings: Server, name: str) -> str:
    """What to add at the DNS provider, so that the authority of a server may make a certificate."""
    tag = "issuewild" if is_wildcard(name) else "issue"
    known, host = identities(settings), urlsplit(settings.acme_server).hostname
    if known:
        line = f'{name.removeprefix("*.")} CAA 0 {tag} "{known[0]}"'
        return f"Add one for it at your DNS provider: {line}."
    return f"Add one for it at your DNS provider; what it has to name, {host} tells."

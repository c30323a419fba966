"""Host names as people write them, and as the DNS has them."""

import ipaddress
import re
from contextlib import suppress

from receiver.model.errors import UsageError
from receiver.model.patterns import regex

_LABEL = regex(r"(?!-)[a-z0-9-]{1,63}(?<!-)")
_LONGEST = 253
_LEAST_LABELS = 2


def parse_domain(text: str) -> str:
    """A host name in its form for the DNS: lower case, `xn--` for letters of other scripts.

    What stands around a name in a browser's address is taken off: the scheme, the page, the dot at
    its end. A wildcard is `*.` before a name.

    Raises:
        UsageError: no host can be called so, or it is no name
    """
    name = re.sub(r"^[a-z]+://", "", text.strip(), flags=re.IGNORECASE)
    name = re.split(r"[/?#]", name, maxsplit=1)[0].rstrip(".").lower()
    if _is_address(name):
        raise _bad(text, "It is an address, and certificates and nginx go by names.")
    star, rest = ("*.", name[2:]) if name.startswith("*.") else ("", name)
    if "*" in rest:
        raise _bad(text, "A star can stand only once, before the first dot.")
    if rest.rpartition(":")[2].isdigit():
        raise _bad(text, "A host name has no port: visitors come to 80 and 443.")
    encoded = _encoded(rest, text)
    labels = encoded.split(".")
    if len(labels) < _LEAST_LABELS:
        raise _bad(text, "It has no dot, so that nobody outside could look it up.")
    if len(encoded) > _LONGEST or not all(map(_LABEL.fullmatch, labels)) or labels[-1].isdigit():
        raise _bad(text, "A name is made of letters, digits and hyphens, with dots between.")
    return star + encoded


def shown(name: str) -> str:
    """A host name as people read it, with its form for the DNS where that is another."""
    import idna  # noqa: PLC0415 - few names need it

    if "xn--" not in name:
        return name
    with suppress(idna.IDNAError):
        return f"{idna.decode(name)} ({name})"
    return name


def _encoded(name: str, text: str) -> str:
    if name.isascii():
        return name
    import idna  # noqa: PLC0415 - few names need it

    try:
        return idna.encode(name, uts46=True).decode()
    except idna.IDNAError as error:
        raise _bad(text, f"{error}.") from error


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


def _bad(text: str, detail: str) -> UsageError:
    return UsageError(
        f"{text!r} cannot be a domain of an app.",
        detail=detail,
        advice="Write a name such as `www.example.com`.",
        reason="usage/bad-domain",
    )

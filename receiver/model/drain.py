"""A log drain: where lines of an app's log are sent on to, and how that goes. Values only."""

import re
from typing import Literal
from urllib.parse import SplitResult, urlsplit

import msgspec

from receiver.model.errors import UsageError
from receiver.model.patterns import regex

Format = Literal["logplex", "json"]
Kind = Literal["udp", "tcp", "tls", "http", "https"]
FORMATS: tuple[Format, ...] = ("logplex", "json")
KINDS: dict[str, Kind] = {
    "syslog": "udp",
    "syslog+udp": "udp",
    "syslog+tcp": "tcp",
    "syslog+tls": "tls",
    "http": "http",
    "https": "https",
}
_PORTS: dict[Kind, int] = {"udp": 514, "tcp": 514, "tls": 6514, "http": 80, "https": 443}
NAME = regex(r"[a-z0-9][a-z0-9-]{0,29}")
_TOKEN = regex(r"[^/]*(?:[A-Za-z]+[0-9]|[0-9]+[A-Za-z])[^/]*")
_TOKEN_LENGTH = 16


class Drain(msgspec.Struct, frozen=True, kw_only=True):
    """A drain, as its file has it, which is root's: the address may hold a password or a token."""

    name: str
    url: str
    format: Format = "logplex"
    """Of what is sent over HTTP; syslog has one of its own."""
    created_at: str
    by: str
    cursor: str = ""
    """Where the log stood when it was added, or its app was given another name."""


class DrainState(msgspec.Struct, frozen=True, kw_only=True):
    """How it goes, as the drain's own process writes it down."""

    cursor: str = ""
    """Up to where lines were taken by the receiver."""
    sent: int = 0
    dropped: int = 0
    error: str = ""
    """Why the last attempt failed; empty while all is well."""
    since: str = ""
    """Since when no attempt has succeeded, UTC."""


class Target(msgspec.Struct, frozen=True):
    """An address taken apart."""

    kind: Kind
    host: str
    port: int
    path: str = "/"
    user: str | None = None
    password: str = ""


def parse_target(url: str) -> Target:
    """What an address of a drain says.

    Raises:
        UsageError: it is none that lines can be sent to
    """
    try:
        found = urlsplit(url)
        kind, port = KINDS[found.scheme], found.port
    except (ValueError, KeyError) as error:
        raise bad_address(url) from error
    if not found.hostname or re.search(r"[\x00-\x20\x7f]", url):
        raise bad_address(url)
    if kind in {"udp", "tcp", "tls"} and (found.path.strip("/") or found.query or found.username):
        raise bad_address(url, "Syslog takes a host and a port, and nothing else.")
    path = (found.path or "/") + (f"?{found.query}" if found.query else "")
    return Target(
        kind, found.hostname, port or _PORTS[kind], path, found.username, found.password or ""
    )


def shown(url: str) -> str:
    """An address without what may be a password or a token."""
    found = urlsplit(url)
    who, at, where = found.netloc.rpartition("@")
    path = "/".join(
        "***" if len(part) >= _TOKEN_LENGTH and _TOKEN.fullmatch(part) else part
        for part in found.path.split("/")
    )
    query = re.sub(r"=[^&]*", "=***", found.query)
    return SplitResult(found.scheme, f"{'***' if who else ''}{at}{where}", path, query, "").geturl()


def bad_address(url: str, seen: str = "") -> UsageError:
    """The error for what is no address of a drain; the address may hold a secret, and is not
    repeated.
    """
    scheme, colon, _ = url.partition("://")
    return UsageError(
        "Lines cannot be sent to this address.",
        detail=seen
        or (f"It begins with {scheme[:20]}://." if colon else "It names no way, such as https://."),
        advice="Give one such as syslog+tls://logs.example.com:6514 or "
        "https://logs.example.com/in?token=…;"
        " syslog://, syslog+tcp:// and http:// work as well. Put it in quotes, because of & and ?.",
        reason="usage/bad-drain",
    )

"""Records of certificates: what a name is served with, and how its order at an authority stands.

Pure.
"""

from typing import Literal

import msgspec


class Certificate(msgspec.Struct, frozen=True, kw_only=True):
    """A certificate that is kept, without its key."""

    file: str
    """Name of the PEM file, in the folder of the record: the chain and the key."""
    names: tuple[str, ...]
    """What it covers; `*.example.com` is any name one label longer than example.com."""
    issuer: str
    begins: str
    """When it is valid from, UTC."""
    ends: str
    by: Literal["authority", "owner"]
    """Whether an authority was asked for it, or somebody brought it."""

    def covers(self, name: str) -> bool:
        """Whether it is for a host name."""
        return name in self.names or f"*.{name.partition('.')[2]}" in self.names


class Trouble(msgspec.Struct, frozen=True, kw_only=True):
    """Why there is no certificate for a name yet, or no newer one."""

    title: str
    detail: str = ""
    advice: str = ""
    asked: bool = False
    """Whether it is an authority's answer, and not what a look at the DNS found."""
    tries: int = 0
    """How many tries in a row came to nothing, without the many looks at a name that is new."""
    at: str = ""
    """When the last one did, UTC."""
    next_at: str = ""
    """When it is tried again, at the earliest."""


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """certificates/NAME.json: all that is known of a name's certificate."""

    name: str
    certificate: Certificate | None = None
    trouble: Trouble | None = None
    since: str = ""
    """When somebody gave the name to an app, and began to wait; UTC."""
    looked_at: str = ""
    """When the authority was asked last whether a newer certificate is due, UTC."""

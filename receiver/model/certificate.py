"""Records of certificates: what a name is served with, and how its order at an authority stands.

Pure.
"""

from datetime import UTC, datetime, timedelta
from typing import Literal

import msgspec

_SHORT_LIFE = timedelta(days=10)
_LAST_PART = 3
"""A notice is given in the last third of a life, which is when a renewal is due."""
_A_DAY = timedelta(days=1)
_NOT_YET = timedelta(days=30)
"""Before this there is no notice of a certificate that nobody renews, however long its life is."""


def is_wildcard(name: str) -> bool:
    """Whether it stands for all names below a domain, as `*.example.com` does."""
    return name.startswith("*.")


def wildcard_of(name: str) -> str:
    """What stands for a host name and all names beside it."""
    return f"*.{name.partition('.')[2]}"


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
        return name in self.names or wildcard_of(name) in self.names

    @property
    def renewed_about(self) -> str:
        """When it is renewed, UTC, unless the authority says another time: at two thirds of its
        life, and a short one at the half, as certbot does.
        """
        last = self.life / (_LAST_PART if self.life > _SHORT_LIFE else 2)
        return f"{(datetime.fromisoformat(self.ends) - last).astimezone(UTC):%FT%TZ}"

    def left(self, now: datetime) -> timedelta:
        """How long it is valid from now on; less than nothing when it has ended."""
        return datetime.fromisoformat(self.ends) - now

    def ends_soon(self, now: datetime) -> bool:
        """Whether less than a third of its life is left; where nobody renews it, less than thirty
        days at any rate.
        """
        last = self.life / _LAST_PART
        return self.left(now) < (last if self.by == "authority" else min(last, _NOT_YET))

    @property
    def life(self) -> timedelta:
        """How long it is valid in all."""
        return self.left(datetime.fromisoformat(self.begins))


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

    @property
    def is_brought(self) -> bool:
        """Whether its certificate is one that somebody brought."""
        return self.certificate is not None and self.certificate.by == "owner"

    def is_late(self, now: datetime) -> bool:
        """Whether its certificate ends soon, and that is worth a word: a renewal that has not
        failed has a day for itself.
        """
        known = self.certificate
        if known is None or not known.ends_soon(now):
            return False
        due = datetime.fromisoformat(known.renewed_about)
        return self.is_brought or self.trouble is not None or now > due + _A_DAY

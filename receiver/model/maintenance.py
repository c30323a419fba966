"""An app in maintenance: since when, by whom, and who is let in all the same. Values only."""

from typing import Annotated

import msgspec
from msgspec import Meta

from receiver.model.errors import UsageError
from receiver.model.routing import network_text


class Maintenance(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """[maintenance] of app.toml; while it is there, visitors see a page in place of the app."""

    since: Annotated[str, Meta(description="When it was switched on, UTC.")]
    by: Annotated[str, Meta(description="Who switched it on.")]
    key: Annotated[
        str, Meta(description="What ship shows nginx to ask the app itself.", pattern=r"^\w{16,}$")
    ]
    allow: Annotated[
        tuple[str, ...],
        Meta(description="Addresses and networks from which the app is seen as ever."),
    ] = ()


def parse_address(text: str) -> str:
    """An address or a network, such as `203.0.113.7` or `2001:db8::/32`, as nginx takes it.

    Raises:
        UsageError: it is neither
    """
    try:
        return network_text(text)
    except ValueError as error:
        raise UsageError(
            f"{text!r} is no address that can be let in.",
            detail=f"{error}.",
            advice="Give an address, such as 203.0.113.7, or a network, such as 2001:db8::/32.",
            reason="usage/bad-address",
        ) from error


def closed_notice(name: str) -> str:
    """What is said wherever somebody may wonder why visitors do not see the app."""
    return (
        f"{name} is in maintenance: visitors see a page until `ship maintenance:off --app {name}`."
    )

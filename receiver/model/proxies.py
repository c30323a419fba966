"""The proxies before a server whose word on a visitor counts: addresses, networks, and names of
services that publish theirs.

Values only.
"""

import ipaddress
from collections.abc import Iterable

CLOUDFLARE = (
    "173.245.48.0/20",
    "103.21.244.0/22",
    "103.22.200.0/22",
    "103.31.4.0/22",
    "141.101.64.0/18",
    "108.162.192.0/18",
    "190.93.240.0/20",
    "188.114.96.0/20",
    "197.234.240.0/22",
    "198.41.128.0/17",
    "162.158.0.0/15",
    "104.16.0.0/13",
    "104.24.0.0/14",
    "172.64.0.0/13",
    "131.0.72.0/22",
    "2400:cb00::/32",
    "2606:4700::/32",
    "2803:f800::/32",
    "2405:b500::/32",
    "2405:8100::/32",
    "2a06:98c0::/29",
    "2c0f:f248::/32",
)
"""https://www.cloudflare.com/ips/ as of 2026-10-05. A network that is missing costs that proxy its
visitors' addresses; one that is no longer Cloudflare's would be believed."""

_SERVICES = {"cloudflare": CLOUDFLARE}
_HEADERS = {"cloudflare": ("CF-Connecting-IP",)}


def networks(trusted: Iterable[str]) -> tuple[str, ...]:
    """Every network that is meant, once, as nginx writes it.

    Raises:
        ValueError: one is no address, no network and no service that is known
    """
    found = (each for one in trusted for each in _networks(one.strip().lower()))
    return tuple(dict.fromkeys(found))


def headers(trusted: Iterable[str]) -> tuple[str, ...]:
    """Headers of their own in which these services name the visitor."""
    return tuple(name for one in trusted for name in _HEADERS.get(one.strip().lower(), ()))


def _networks(one: str) -> tuple[str, ...]:
    if one in _SERVICES:
        return _SERVICES[one]
    try:
        # behind a percent sign stands an interface of this machine, by any name at all
        found = ipaddress.ip_network(one.replace("%", " "), strict=False)
    except ValueError:
        import difflib  # noqa: PLC0415 - only this error needs it

        near = difflib.get_close_matches(one, _SERVICES)
        meant = f' Did you mean "{near[0]}"?' if near else ""
        raise ValueError(
            f'"{one}" in trusted_proxies is not an address, a network such as 10.0.0.0/24, or '
            f'"cloudflare".{meant}'
        ) from None
    return (str(found.network_address) if found.num_addresses == 1 else str(found),)

"""Addresses of the network: where a connection came from, and where one is to go."""

from typing import NamedTuple

from receiver.model.patterns import regex

_ADDRESS = regex(r"[0-9A-Fa-f.:]{2,45}")


class TlsAddress(NamedTuple):
    """Where something listens for TLS, and the name that it is asked for."""

    host: str
    port: int
    name: str


def parse_address(text: str) -> str:
    """The address in what sshd says of a connection; empty where there is none."""
    first = text.split(" ", maxsplit=1)[0]
    return first if _ADDRESS.fullmatch(first) else ""

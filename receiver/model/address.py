"""The address that a connection came from."""

from receiver.model.patterns import regex

_ADDRESS = regex(r"[0-9A-Fa-f.:]{2,45}")


def parse_address(text: str) -> str:
    """The address in what sshd says of a connection; empty where there is none."""
    first = text.split(" ", maxsplit=1)[0]
    return first if _ADDRESS.fullmatch(first) else ""

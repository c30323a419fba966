"""Reads the token out of an Authorization header."""

import base64
import binascii


def token_of(header: str) -> str:
    """The password of HTTP Basic, whatever the user name; empty when there is none."""
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        decoded = base64.b64decode(encoded.strip(), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""
    return decoded.partition(":")[2]

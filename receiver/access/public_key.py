"""Public ssh keys, as a .pub file has them."""

import base64
import binascii
import struct

from receiver.model.errors import UsageError

_TYPES = frozenset(
    {
        "ssh-ed25519",
        "ssh-rsa",
        "ecdsa-sha2-nistp256",
        "ecdsa-sha2-nistp384",
        "ecdsa-sha2-nistp521",
        "sk-ssh-ed25519@openssh.com",
        "sk-ecdsa-sha2-nistp256@openssh.com",
    }
)


def parse_public_key(text: str) -> str:
    """Type and key of a public key file's line; the comment is dropped.

    Raises:
        UsageError: it is not a public key, or a private one
    """
    if "PRIVATE KEY" in text:
        raise UsageError(
            "This is a private key. It must never leave your machine.",
            advice="Give the public one: the file of the same name that ends with .pub.",
            reason="usage/private-key",
        )
    words = text.split()
    if len(words) < 2 or words[0] not in _TYPES or "\n" in text.strip():  # noqa: PLR2004 - type and key
        raise _not_a_key(text)
    try:
        blob = base64.b64decode(words[1], validate=True)
        (length,) = struct.unpack(">I", blob[:4])
    except (binascii.Error, struct.error) as error:
        raise _not_a_key(text) from error
    if blob[4 : 4 + length].decode(errors="replace") != words[0] or len(blob) <= 4 + length:
        raise _not_a_key(text)
    return f"{words[0]} {words[1]}"


def fingerprint(public: str) -> str:
    """As `ssh-keygen -l` shows it."""
    import hashlib  # noqa: PLC0415 - slow, and only a key that is shown or added needs it

    digest = hashlib.sha256(base64.b64decode(public.split()[1])).digest()
    return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")


def _not_a_key(text: str) -> UsageError:
    shown = text.strip()[:60] or "nothing"
    return UsageError(
        "This is not an ssh public key.",
        detail=f"What came: {shown!r}.",
        advice="Give one line such as `ssh-ed25519 AAAA... you@laptop`, the content of a .pub "
        "file.",
        reason="usage/not-a-key",
    )

"""Certificates as PEM text: is it a key and its certificate, for which names, until when.

Also makes the one that names are served with for which there is none yet.
"""

import hashlib
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal, NamedTuple

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.x509.oid import NameOID

from receiver.model.certificate import Certificate
from receiver.model.errors import UsageError
from receiver.model.patterns import regex

LARGEST_BYTES = 256 * 1024
_BLOCK = regex(rb"-----BEGIN ([A-Z0-9 ]+)-----\r?\n.*?-----END \1-----", re.DOTALL)
_SELF_SIGNED_DAYS = 3650
_STAMP = "%Y-%m-%dT%H:%M:%SZ"


class Bundle(NamedTuple):
    """A certificate with its chain and its key."""

    text: str
    """The key, the certificate, and those of the authorities above it, in this order."""
    names: tuple[str, ...]
    issuer: str
    begins: datetime
    ends: datetime

    def kept_as(self, name: str, by: Literal["authority", "owner"]) -> Certificate:
        """The record of it, in a file that is named by `name` and by what is in it."""
        digest = hashlib.sha256(self.text.encode()).hexdigest()
        return Certificate(
            file=f"{name.replace('*', '_')}.{digest[:16]}.pem",
            names=self.names,
            issuer=self.issuer,
            begins=self.begins.strftime(_STAMP),
            ends=self.ends.strftime(_STAMP),
            by=by,
        )


def read(data: bytes, now: datetime) -> Bundle:
    """Read a key and its certificates, in whatever order they stand.

    Raises:
        UsageError: one of both is missing, they do not fit, or nobody could be served with them now
    """
    blocks = [(found[1], found[0]) for found in _BLOCK.finditer(data)]
    key_text, key = _key([block for kind, block in blocks if kind.endswith(b"PRIVATE KEY")])
    found = [_certificate(block) for kind, block in blocks if kind == b"CERTIFICATE"]
    if not found:
        raise _bad("There is no certificate in what was sent.", "Send it too, as PEM text.")
    chain = list(_chain(_of_key(key, found), found))
    return Bundle(
        text="\n".join([key_text, *map(_text, chain)]) + "\n",
        names=_names(chain[0]),
        issuer=_issuer(chain[0]),
        **_times(chain[0], now),
    )


def self_signed(names: Sequence[str], now: datetime) -> str:
    """A key, and a certificate for these names that no authority signed; browsers warn of it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "ship: not from an authority")])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=_SELF_SIGNED_DAYS))
        .add_extension(x509.SubjectAlternativeName(map(x509.DNSName, names)), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return private.decode() + _text(made) + "\n"


def _key(blocks: list[bytes]) -> tuple[str, PrivateKeyTypes]:
    if len(blocks) != 1:
        raise _bad(
            "There is no private key in what was sent."
            if not blocks
            else f"{len(blocks)} private keys were sent, and one is needed.",
            "Send the key and the certificates together: `cat privkey.pem fullchain.pem | ship "
            "certs:add -a NAME`.",
        )
    (block,) = blocks
    if b"ENCRYPTED" in block:
        raise _bad(
            "The private key is encrypted, and nginx would ask for its password at every start.",
            "Decrypt it first: `openssl pkey -in key.pem -out plain.pem`.",
        )
    try:
        return block.decode(), serialization.load_pem_private_key(block, None)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise _bad("The private key cannot be read.", "Send it as PEM text.", str(error)) from error


def _certificate(block: bytes) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(block)
    except ValueError as error:
        raise _bad("A certificate cannot be read.", "Send it as PEM text.", str(error)) from error


def _of_key(key: PrivateKeyTypes, found: list[x509.Certificate]) -> x509.Certificate:
    own = _public(key.public_key())
    for each in found:
        if _public(each.public_key()) == own:
            return each
    raise _bad(
        "The private key is not that of any certificate that was sent.",
        "Send the key that the certificate was ordered with.",
        f"Sent for: {', '.join(_names(found[0]))}.",
    )


def _public(key: object) -> bytes:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    made: bytes = key.public_bytes(serialization.Encoding.DER, form)  # type: ignore[attr-defined]
    return made


def _chain(leaf: x509.Certificate, found: list[x509.Certificate]) -> Iterator[x509.Certificate]:
    """The certificate, and above it those that signed the one before; no root, which browsers
    have.
    """
    left, now = [each for each in found if each != leaf], leaf
    yield leaf
    while above := [each for each in left if each.subject == now.issuer]:
        now = above[0]
        left.remove(now)
        if now.subject != now.issuer:
            yield now


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except (x509.ExtensionNotFound, ValueError) as error:
        raise _bad(
            "The certificate names no host.",
            "Order one whose subject alternative names have the host names of the app.",
        ) from error
    return tuple(name.lower() for name in names.value.get_values_for_type(x509.DNSName))


def _issuer(certificate: x509.Certificate) -> str:
    """Who signed it, in the words that people know: the organization and the name."""
    parts = [
        str(found[0].value)
        for oid in (NameOID.ORGANIZATION_NAME, NameOID.COMMON_NAME)
        if (found := certificate.issuer.get_attributes_for_oid(oid))
    ]
    return " ".join(dict.fromkeys(parts)) or "an authority without a name"


def _times(certificate: x509.Certificate, now: datetime) -> dict[str, datetime]:
    begins, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if ends <= now:
        raise _bad("The certificate has expired.", "Order a new one.", f"It ended on {ends:%F}.")
    if begins > now + timedelta(hours=1):
        raise _bad(
            "The certificate is not valid yet.",
            "Send it when it is, or see that the server's clock is right.",
            f"It begins on {begins:%F}.",
        )
    return {"begins": begins.astimezone(UTC), "ends": ends.astimezone(UTC)}


def _text(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode().strip()


def _bad(title: str, advice: str, detail: str = "") -> UsageError:
    return UsageError(title, detail=detail, advice=advice, reason="usage/bad-certificate")

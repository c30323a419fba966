"""An authority of the tests' own: a root, one below it, and certificates with their keys."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

Key = ec.EllipticCurvePrivateKey


class OwnAuthority:
    """Signs for any name; `root` is the file of what has to be trusted."""

    def __init__(self, folder: Path) -> None:
        root_key, self._key = _key(), _key()
        top = _signed("Test Root", root_key, "Test Root", root_key, days=30, ca=True)
        self._above = _signed("Test Authority", self._key, "Test Root", root_key, days=30, ca=True)
        self.root = folder / "root.pem"
        self.root.write_text(_text(top))

    @property
    def root_block(self) -> str:
        """The root, without the sign that a block begins with."""
        return self.root.read_text().removeprefix("-----BEGIN ")

    def certificate(self, *names: str, days: int = 10) -> str:
        """A new key, a certificate for these names that ends in some days, and the one above."""
        key = _key()
        made = _signed(names[0], key, "Test Authority", self._key, days=days, names=names)
        private = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ).decode()
        return private + _text(made) + _text(self._above)


def _key() -> Key:
    return ec.generate_private_key(ec.SECP256R1())


def _signed(
    subject: str,
    key: Key,
    issuer: str,
    by: Key,
    *,
    days: int,
    names: tuple[str, ...] = (),
    ca: bool = False,
) -> x509.Certificate:
    now = datetime.now(UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(_name(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=5))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
    )
    if names:
        alternative = x509.SubjectAlternativeName(map(x509.DNSName, names))
        built = built.add_extension(alternative, critical=False)
    return built.sign(by, hashes.SHA256())


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _text(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()

"""Certificates that openssl makes: an authority, a client of it, and a server that asks for one."""

import ssl
import subprocess
from pathlib import Path

from tests.needs import require_program

CHAIN = ("-CA", "ca.pem", "-CAkey", "ca.pem", "-addext", "basicConstraints=critical,CA:FALSE")


def server_context(folder: Path, name: str, *, asks: bool) -> ssl.SSLContext:
    """The server's side of TLS for a name such as `DNS:a.example`; it may ask for a certificate.

    The folder gets `ca.crt`, and `client.pem` with its key.
    """
    _make(folder, "ca", "-addext", "keyUsage=keyCertSign")
    _make(folder, "client", *CHAIN)
    _make(folder, "server", *CHAIN, "-addext", f"subjectAltName={name}")
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=folder / "ca.crt")
    tls.load_cert_chain(folder / "server.pem")
    tls.verify_mode = ssl.CERT_REQUIRED if asks else ssl.CERT_NONE
    return tls


def _make(folder: Path, name: str, *options: str) -> None:
    program = str(require_program("openssl"))
    made = ("-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}")
    files = ("-keyout", f"{name}.key", "-out", f"{name}.crt")
    argv = (program, "req", *made, *files, *options)
    subprocess.run(argv, cwd=folder, check=True, capture_output=True)
    both = [(folder / f"{name}.{kind}").read_text() for kind in ("key", "crt")]
    (folder / f"{name}.pem").write_text("".join(both))

"""What doctor says of certificates that openssl made, named as nginx's files name them."""

import subprocess
from pathlib import Path

import pytest

from receiver.doctor import certificates
from receiver.doctor.seen import Seen
from receiver.hosts.supervisord.host import SupervisordHost
from receiver.model.layout import Layout
from receiver.model.settings import Server as Settings
from receiver.server import Server
from tests.needs import require_program

pytestmark = pytest.mark.embedded


@pytest.fixture
def seen(tmp_path: Path) -> Seen:
    layout = Layout.embedded(tmp_path)
    folder = layout.sites_available.parent
    folder.mkdir(parents=True)
    for name, lock in (("open", ("-nodes",)), ("locked", ("-passout", "pass:word"))):
        subprocess.run(
            (
                require_program("openssl"),
                "req",
                "-x509",
                "-newkey",
                "rsa:2048",
                *lock,
                "-days",
                "99",
                "-subj",
                "/CN=x",
                "-addext",
                "subjectAltName=DNS:x.example.com",
                "-keyout",
                folder / f"{name}.key",
                "-out",
                folder / f"{name}.pem",
            ),
            check=True,
            capture_output=True,
        )
    settings = Settings(domain="example.com", host="supervisord")
    host = SupervisordHost(layout)
    return Seen(Server(layout, settings, host), (), host.examiner(settings, ()))


def found(seen: Seen, certificate: str, key: str) -> list[str]:
    dump = (
        "# configuration file /etc/nginx/mine.conf:\n"
        f"server {{ server_name x.example.com; ssl_certificate {certificate}; "
        f"ssl_certificate_key {key}; }}\n"
    )
    return [each.name for each in certificates.look(seen, dump)]


@pytest.mark.parametrize(
    ("certificate", "key", "findings"),
    [
        ("open.pem", "open.key", []),
        ("{folder}/open.pem", "{folder}/open.key", []),
        ("open.pem", "locked.key", []),
        ("locked.pem", "open.key", ["certificate.key"]),
        ("open.pem", "none.key", ["certificate.key"]),
        ("none.pem", "open.key", ["certificate.missing"]),
        ("certificates/$ssl_server_name.pem", "certificates/$ssl_server_name.key", []),
    ],
)
def test_what_nginx_can_serve_is_no_finding(
    seen: Seen, certificate: str, key: str, findings: list[str]
) -> None:
    folder = seen.server.layout.sites_available.parent
    assert found(seen, certificate.format(folder=folder), key.format(folder=folder)) == findings

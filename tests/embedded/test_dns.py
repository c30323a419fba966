"""What is read of the DNS and of an authority's directory, from servers that answer."""

import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from receiver.certificates import caa
from receiver.machine import dns
from receiver.model.settings import Server as Settings
from tests.authority import OwnAuthority
from tests.dns_server import dns_server
from tests.ports import free_port

pytestmark = pytest.mark.embedded

ZONE = {
    "shop.example": {"CAA": [[0, "issue", "letsencrypt.org; validationmethods=dns-01"]]},
    "www.shop.example": {"A": ["192.0.2.1"]},
    "long.example": {"TXT": [f"{number:0200}" for number in range(9)]},
    "broken.example": "broken",
}


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[dns.Place, ...]]:
    file, port = tmp_path_factory.mktemp("dns") / "zone.json", free_port()
    file.write_text(json.dumps(ZONE))
    with dns_server(port, file):
        yield (dns.Place("127.0.0.1", port),)


def test_records_of_a_kind_are_read(servers: tuple[dns.Place, ...]) -> None:
    assert dns.records("www.shop.example", dns.CAA, servers) == ()
    assert dns.records("nobody.example", dns.CAA, servers) == ()
    (data,) = dns.records("shop.example", dns.CAA, servers)
    assert data.endswith(b"letsencrypt.org; validationmethods=dns-01")


def test_an_answer_that_is_too_long_is_asked_for_once_more(servers: tuple[dns.Place, ...]) -> None:
    found = dns.records("long.example", dns.TXT, servers)
    assert [int(each[1:]) for each in found] == list(range(9))


def test_a_server_that_fails_is_no_answer_and_the_next_is_asked(
    servers: tuple[dns.Place, ...],
) -> None:
    with pytest.raises(OSError, match="error 2 of the DNS"):
        dns.records("broken.example", dns.CAA, servers)
    nobody = dns.Place("127.0.0.1", free_port())
    assert dns.records("shop.example", dns.CAA, (nobody, *servers))
    with pytest.raises(OSError, match="refused"):
        dns.records("shop.example", dns.CAA, (nobody,))


def test_records_of_the_nearest_name_above_count(servers: tuple[dns.Place, ...]) -> None:
    for name in ("shop.example", "a.www.shop.example", "*.shop.example"):
        found = caa.look(name, servers)
        assert found.owner == "shop.example"
        assert found.allow(("letsencrypt.org",))
        assert not found.allow(("other.example",))
    assert caa.look("other.example", servers) == caa.Found("")


@pytest.mark.parametrize(
    ("meta", "known", "advised"),
    [
        (
            {"caaIdentities": ["ca.example", "other.example"]},
            ("ca.example", "other.example"),
            'Add one for it at your DNS provider: www.shop.example CAA 0 issue "ca.example".',
        ),
        ({}, (), "Add one for it at your DNS provider; what it has to name, localhost tells."),
    ],
)
def test_an_authority_is_advised_by_the_name_that_it_has_for_itself(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    meta: dict[str, list[str]],
    known: tuple[str, ...],
    advised: str,
) -> None:
    authority = OwnAuthority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.root))
    with directory(authority, tmp_path, {"meta": meta}) as address:
        settings = Settings(domain="ship.test", acme_server=address)
        assert caa.identities(settings) == known
        assert caa.advice(settings, "www.shop.example") == advised
    assert caa.identities(settings) == (), "it is away"


def test_of_the_usual_authority_nobody_is_asked() -> None:
    settings = Settings(domain="ship.test")
    assert caa.advice(settings, "*.shop.example") == (
        'Add one for it at your DNS provider: shop.example CAA 0 issuewild "letsencrypt.org".'
    )


@contextmanager
def directory(authority: OwnAuthority, folder: Path, data: object) -> Iterator[str]:
    """The address of a directory as an authority has one, served by https."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            text = json.dumps(data).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: object) -> None:
            pass

    (folder / "api.pem").write_text(authority.certificate("localhost"))
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(folder / "api.pem")
    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"https://localhost:{server.server_port}/dir"
        finally:
            server.shutdown()
            thread.join()

"""https at a real nginx: what is served before there is a certificate, with one that somebody
brings, and what nobody may get.
"""

import json
import re
import socket
import ssl
import subprocess
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import NamedTuple

import pytest

from receiver.certificates import pem
from receiver.machine.clock import SYSTEM_CLOCK
from receiver.model.errors import ExistsError
from tests.authority import OwnAuthority
from tests.embedded.embedded_server import EmbeddedServer, ask_raw, embedded_server
from tests.ports import free_port

pytestmark = pytest.mark.embedded

APP = "shop"
OWN, DOMAIN = "shop.ship.test", "www.shop.example"
ECHO = """
def app(environ, start_response):
    seen = f"{environ['wsgi.url_scheme']} {environ['HTTP_X_FORWARDED_PORT']}".encode()
    start_response("200 OK", [("Content-Length", str(len(seen)))])
    return [seen]
"""


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedServer]:
    with embedded_server(https_port=free_port()) as running:
        running.publish(APP, {"app.py": ECHO, "requirements.txt": ""})
        done = running.ship("domains:add", f"https://{DOMAIN.upper()}./", "-a", APP)
        assert done.status == 0, done.err
        yield running


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> OwnAuthority:
    return OwnAuthority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def brought(server: EmbeddedServer, authority: OwnAuthority) -> Iterator[str]:
    """The domain with a certificate that somebody brought; its PEM text."""
    text = authority.certificate(DOMAIN)
    done = server.ship("certs:add", "-a", APP, given=text.encode())
    assert done.status == 0, done.err
    yield text
    server.ship("certs:remove", DOMAIN, "-a", APP)


def test_before_there_is_a_certificate_both_ways_lead_to_the_app(server: EmbeddedServer) -> None:
    for name in (OWN, DOMAIN):
        assert ask_raw(server.port, name)[1].startswith("http ")
        assert fetch(server, name) == f"https {server.https_port}"
    assert "self-signed" not in server.ship("urls", "-a", APP).out
    assert server.ship("urls", "-a", APP).out.startswith("http://")


def test_a_certificate_that_is_brought_is_served_and_http_sends_on_to_it(
    server: EmbeddedServer, authority: OwnAuthority, brought: str
) -> None:
    assert brought
    assert fetch(server, DOMAIN, trusting=authority) == f"https {server.https_port}"
    head, _ = ask_raw(server.port, DOMAIN, "/a?b=c")
    assert head.startswith("HTTP/1.1 301 ")
    assert f"Location: https://{DOMAIN}:{server.https_port}/a?b=c" in head
    assert posted(server, DOMAIN).startswith("HTTP/1.1 308 ")
    assert ask_raw(server.port, OWN)[0].startswith("HTTP/1.1 20"), "which has none"
    urls = server.ship("urls", "-a", APP).out.splitlines()
    assert urls == [f"http://{OWN}:{server.port}", f"https://{DOMAIN}:{server.https_port}"]
    listed = json.loads(server.ship("certs", "-a", APP, "--json").raw)
    assert [each["by"] for each in listed] == [None, "owner"]


def test_a_push_asks_the_app_where_its_visitors_are_led(
    server: EmbeddedServer, authority: OwnAuthority
) -> None:
    """By https, once its own name has a certificate."""
    done = server.ship("certs:add", "-a", APP, given=authority.certificate(OWN).encode())
    assert done.status == 0, done.err
    checkout = server.checkout(APP, place="again")
    checkout.git("pull", "-q", "prod", "main")
    checkout.commit({"app.py": ECHO.replace("200 OK", "203 Elsewhere")})
    pushed = checkout.push()
    assert pushed.status == 0, pushed.text
    assert "GET / through nginx answered 203." in pushed.text
    assert f"https://{OWN}:{server.https_port}" in pushed.text
    assert server.ship("doctor", "-a", APP).status == 0
    server.ship("certs:remove", OWN, "-a", APP)


def test_a_push_and_doctor_tell_of_a_certificate_that_ends_soon(
    server: EmbeddedServer, authority: OwnAuthority
) -> None:
    soon = authority.certificate(DOMAIN, days=2)
    assert server.ship("certs:add", "-a", APP, given=soon.encode()).status == 0
    try:
        checkout = server.checkout(APP, place="late")
        checkout.git("pull", "-q", "prod", "main")
        checkout.commit({"note.txt": "later"})
        told = (
            rf" !     The certificate of {DOMAIN} ends in (2 days|47 hours)\. Nobody renews it: bri"
        )
        assert re.search(told, checkout.push().text)
        found = json.loads(server.ship("doctor", "--json").raw)["findings"]
        (late,) = (each for each in found if each["name"] == "certificate.ends-soon")
        assert re.search(r", in (2 days|1 day)\. Nobody renews it", late["seen"][1])
        assert late["advice"] == "Bring the next one in time: `ship certs:add -a shop`."
    finally:
        server.ship("certs:remove", DOMAIN, "-a", APP)


def test_one_name_is_shown_with_all_that_is_known_of_it(
    server: EmbeddedServer, brought: str
) -> None:
    assert brought
    shown = server.ship("domains:info", DOMAIN.upper()).out
    for line in (
        f"Domain:  {DOMAIN}",
        f"App:     {APP}",
        "A:       none",
        "AAAA:    none",
        f"Leads:   The DNS has no address for {DOMAIN}.",
        "Issuer:  Test Authority",
        "Renewal: by hand",
    ):
        assert line in shown.splitlines()
    found = json.loads(server.ship("domains:info", "localhost.localdomain", "--json").raw)
    assert (found["app"], found["issuer"]) == (None, None)
    assert (
        "ship domains:add nobody.example -a NAME"
        in server.ship("domains:info", "nobody.example").out
    )


def test_proof_for_an_authority_goes_before_all_else(server: EmbeddedServer, brought: str) -> None:
    """Before a redirect to https and a page of maintenance."""
    assert brought
    proof = server.layout.challenges / ".well-known/acme-challenge/token"
    proof.parent.mkdir(parents=True, exist_ok=True)
    proof.write_text("word")
    path = f"/.well-known/acme-challenge/{proof.name}"
    server.ship("maintenance:on", "-a", APP)
    try:
        for name in (OWN, DOMAIN):
            assert ask_raw(server.port, name, path)[1] == "word"
        assert ask_raw(server.port, OWN)[0].startswith("HTTP/1.1 503 ")
    finally:
        server.ship("maintenance:off", "-a", APP)
    assert ask_raw(server.port, OWN, f"{path}x")[0].startswith("HTTP/1.1 404 ")


@pytest.mark.parametrize("name", ["nobody.ship.test", None])
def test_a_name_that_is_no_apps_gets_no_certificate(
    server: EmbeddedServer, brought: str, name: str | None
) -> None:
    assert brought
    with pytest.raises(ssl.SSLError):
        handshake(server, name)


@pytest.mark.parametrize(
    ("version", "taken"),
    [("-tls1", False), ("-tls1_1", False), ("-tls1_2", True), ("-tls1_3", True)],
)
def test_old_protocols_are_refused(server: EmbeddedServer, version: str, *, taken: bool) -> None:
    scanned = scan(server, OWN, version, "-cipher", "ALL:@SECLEVEL=0")
    assert scanned.is_open is taken
    assert taken or "alert protocol version" in scanned.text


GOOD = "ECDHE-ECDSA-AES128-GCM-SHA256"
WEAK = {
    "without forward secrecy": "AES128-GCM-SHA256",
    "in blocks, whose padding tells": "ECDHE-ECDSA-AES128-SHA",
    "the same with a longer digest": "ECDHE-ECDSA-AES128-SHA256",
    "without a certificate": "AECDH-AES128-SHA",
    "without encryption": "ECDHE-ECDSA-NULL-SHA",
}


@pytest.mark.parametrize("cipher", WEAK.values(), ids=WEAK)
def test_weak_ciphers_are_refused(server: EmbeddedServer, cipher: str) -> None:
    """Offered alone, by a client that has them; a good one is taken from the same client."""
    offered = ("-tls1_2", "-cipher", f"{cipher}:@SECLEVEL=0")
    refused = scan(server, OWN, *offered)
    assert not refused.is_open
    assert "alert handshake failure" in refused.text, "the server refused it, and not the client"
    assert scan(server, OWN, "-tls1_2", "-cipher", f"{cipher}:{GOOD}:@SECLEVEL=0").is_open


def test_the_chain_is_complete_and_of_the_name(
    server: EmbeddedServer, authority: OwnAuthority, brought: str
) -> None:
    assert brought
    trusting = ("-CAfile", str(authority.root), "-no-CApath", "-verify_return_error")
    scanned = scan(server, DOMAIN, *trusting, "-verify_hostname", DOMAIN, "-showcerts")
    assert scanned.is_open
    assert "Verify return code: 0 (ok)" in scanned.text
    assert scanned.text.count("BEGIN CERTIFICATE") == 2, "its own and the one above, no root"
    other = scan(server, OWN, *trusting, "-verify_hostname", OWN)
    assert not other.is_open, "which has none that is trusted"


def test_a_connection_leaks_nothing_by_itself(server: EmbeddedServer) -> None:
    scanned = scan(server, OWN, "-tls1_2", "-status")
    assert "Compression: NONE" in scanned.text
    assert "Secure Renegotiation IS supported" in scanned.text
    assert "TLS session ticket:" not in scanned.text, "one key for them would open all of a day"


@pytest.mark.parametrize("name", ["nobody.ship.test", "203.0.113.7.example"])
def test_a_scanner_of_unknown_names_sees_no_certificate(
    server: EmbeddedServer, brought: str, name: str
) -> None:
    assert brought
    scanned = scan(server, name, "-showcerts")
    assert not scanned.is_open
    assert "no peer certificate available" in scanned.text
    assert "BEGIN CERTIFICATE" not in scanned.text


def test_http_2_is_spoken(server: EmbeddedServer) -> None:
    with handshake(server, OWN) as connection:
        assert connection.selected_alpn_protocol() == "h2"


ENCRYPTED = ("openssl", "pkey", "-aes256", "-passout", "pass:x")


def encrypted(text: str) -> str:
    done = subprocess.run(ENCRYPTED, input=text, capture_output=True, text=True, check=True)
    return done.stdout + text[text.index("-----BEGIN CERT") :]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda *_: "", "There is no private key in what was sent."),
        (lambda text, _: text[: text.index("-----BEGIN CERT")], "There is no certificate in"),
        (lambda text, _: encrypted(text), "The private key is encrypted"),
        (
            lambda text, other: (
                other[: other.index("-----BEGIN CERT")] + text[text.index("-----BEGIN CERT") :]
            ),
            "The private key is not that of any certificate",
        ),
        (lambda text, _: text.replace("MI", "!!"), "cannot be read."),
        (lambda text, other: text + other, "2 private keys were sent"),
    ],
)
def test_what_is_no_certificate_with_its_key_is_refused(
    server: EmbeddedServer, authority: OwnAuthority, change: Callable[[str, str], str], said: str
) -> None:
    text, other = authority.certificate(DOMAIN), authority.certificate(DOMAIN)
    refused = server.ship("certs:add", "-a", APP, given=change(text, other).encode())
    assert refused.status == 2
    assert said in refused.err
    assert nothing_brought(server)


def test_one_that_is_over_or_of_another_name_is_refused(
    server: EmbeddedServer, authority: OwnAuthority
) -> None:
    over = server.ship(
        "certs:add", "-a", APP, given=authority.certificate(DOMAIN, days=-1).encode()
    )
    assert (over.status, "The certificate has expired." in over.err) == (2, True)
    foreign = authority.certificate("other.example")
    refused = server.ship("certs:add", "-a", APP, given=foreign.encode())
    assert "The certificate is for none of the names of shop." in refused.err
    assert "`ship domains:add other.example -a shop`" in refused.err
    assert nothing_brought(server)


def test_the_order_of_what_is_sent_does_not_matter_and_a_root_is_left_out(
    authority: OwnAuthority,
) -> None:
    text = authority.certificate(DOMAIN)
    blocks = text.split("-----BEGIN ")[1:]
    shuffled = "".join(f"-----BEGIN {block}" for block in [*reversed(blocks), authority.root_block])
    now = datetime.fromisoformat(SYSTEM_CLOCK.stamp())
    assert pem.read(shuffled.encode(), now).text == pem.read(text.encode(), now).text
    assert pem.read(text.encode(), now).text.count("BEGIN CERTIFICATE") == 2


def test_processes_are_told_all_names_from_their_next_start_on(server: EmbeddedServer) -> None:
    told = server.ship("run", "-a", APP, "--", "printenv", "SHIP_HOSTS")
    assert told.out == f"{OWN},{DOMAIN}\n"
    assert server.ship("domains:add", "new.example", "-a", APP).status == 0
    told = server.ship("run", "-a", APP, "--", "printenv", "SHIP_HOSTS")
    assert told.out == f"{OWN},{DOMAIN},new.example\n"
    assert server.ship("domains:remove", "new.example", "-a", APP).status == 0


def test_a_domain_is_of_one_app(server: EmbeddedServer) -> None:
    server.create("other")
    taken = server.ship("domains:add", "free.example", DOMAIN, "-a", "other")
    assert taken.status == 22
    assert f"{DOMAIN} is a domain of the app shop already." in taken.err
    assert server.ship("domains", "-a", "other", "--json").raw.count(b'"name"') == 1
    own = server.ship("domains:add", "other.ship.test", "-a", APP)
    assert own.status == 22
    assert server.ship("domains:add", "later.ship.test", "-a", APP).status == 0
    with pytest.raises(ExistsError, match=r"later\.ship\.test is a domain of the app shop\."):
        server.create("later")
    assert server.ship("domains:remove", "later.ship.test", "-a", APP).status == 0
    assert server.create("later") == "later"


def test_a_removed_domain_leads_nowhere_and_what_was_brought_for_it_goes(
    server: EmbeddedServer, authority: OwnAuthority
) -> None:
    name = "gone.example"
    assert server.ship("domains:add", name, "-a", APP).status == 0
    text = authority.certificate(name)
    assert server.ship("certs:add", "-a", APP, given=text.encode()).status == 0
    assert fetch(server, name, trusting=authority)
    assert server.ship("domains:remove", name, "-a", APP).status == 0
    assert ask_raw(server.port, name)[0].startswith("HTTP/1.1 404 ")
    with pytest.raises(ssl.SSLError):
        handshake(server, name)


def test_https_is_promised_only_where_certificates_are_ordered(server: EmbeddedServer) -> None:
    server.create("unsure")
    told = {}
    for state in ("on", "off"):
        assert server.ship("certs:auto", state, "-a", "unsure").status == 0
        told[state] = server.ship("domains", "-a", "unsure").out.split(None, 1)[1].strip()
    assert told == {"on": "https is being prepared", "off": "http"}


def test_letters_of_other_scripts_are_taken_and_shown(server: EmbeddedServer) -> None:
    added = server.ship("domains:add", "bücher.example", "-a", APP)
    assert added.status == 0, added.err
    assert "bücher.example (xn--bcher-kva.example)" in server.ship("domains", "-a", APP).out
    assert ask_raw(server.port, "xn--bcher-kva.example")[0].startswith("HTTP/1.1 20")
    assert server.ship("domains:remove", "xn--bcher-kva.example", "-a", APP).status == 0


class Scanned(NamedTuple):
    """What `openssl s_client` saw."""

    is_open: bool
    text: str


def scan(server: EmbeddedServer, name: str, *options: str) -> Scanned:
    where = ("-connect", f"127.0.0.1:{server.https_port}", "-servername", name)
    argv = ("openssl", "s_client", *where, *options)
    done = subprocess.run(argv, input=b"", capture_output=True, check=False, timeout=30)
    return Scanned(done.returncode == 0, (done.stdout + done.stderr).decode(errors="replace"))


def nothing_brought(server: EmbeddedServer) -> bool:
    return b'"owner"' not in server.ship("certs", "-a", APP, "--json").raw


def handshake(
    server: EmbeddedServer, name: str | None, *, trusting: OwnAuthority | None = None
) -> ssl.SSLSocket:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.set_alpn_protocols(["h2", "http/1.1"])
    if trusting is None:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    else:
        context.load_verify_locations(trusting.root)
    connection = socket.create_connection(("127.0.0.1", server.https_port), timeout=20)
    return context.wrap_socket(connection, server_hostname=name)


def fetch(server: EmbeddedServer, name: str, *, trusting: OwnAuthority | None = None) -> str:
    """The page of a name by https, of whoever has its certificate."""
    trusted = ["--insecure"] if trusting is None else ["--cacert", str(trusting.root)]
    where = f"{name}:{server.https_port}"
    argv = ["curl", "-fsS", *trusted, "--resolve", f"{where}:127.0.0.1", f"https://{where}/"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode == 0, done.stderr
    return done.stdout


def posted(server: EmbeddedServer, name: str) -> str:
    request = f"POST / HTTP/1.1\r\nHost: {name}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        connection.sendall(request.encode())
        return b"".join(iter(lambda: connection.recv(65536), b"")).decode()

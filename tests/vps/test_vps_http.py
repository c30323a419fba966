"""Pushes over HTTPS on a VPS: with a token, and with nothing resident before the first of them."""

import ssl
from base64 import b64encode
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from socket import create_connection

from tests.vps.inside import Completed
from tests.vps.pages import page
from tests.vps.ship_server import ShipServer

RECEIVER = "ship.example.com"


@contextmanager
def silent_clients(address: str, token: str) -> Iterator[None]:
    """Two hundred that begin a push and say nothing more, each fourth with the token."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
    with ExitStack() as stack:
        for number in range(200):
            secret = b64encode(f"x:{'wrong' if number % 4 else token}".encode()).decode()
            plain = create_connection((address, 443), timeout=30)
            client = stack.enter_context(tls.wrap_socket(plain, server_hostname=RECEIVER))
            client.sendall(
                "POST /git/overhttp.git/git-receive-pack HTTP/1.1\r\n"
                f"Host: {RECEIVER}\r\nContent-Length: 1000000\r\n"
                f"Authorization: Basic {secret}\r\n\r\n0094".encode()
            )
        yield


def test_a_push_with_a_token_goes_live_and_one_without_is_refused(ship_server: ShipServer) -> None:
    """With a certificate of the server's own making: tests of HTTPS have one that is trusted."""
    assert "ship-http.socket" in ship_server.root("systemctl list-units --plain 'ship-http.*'")
    assert ship_server.root("systemctl is-active ship-http.service || true").strip() == "inactive"
    site = ship_server.site("overhttp")
    token = ship_server.root("ship tokens:add ci overhttp").strip()
    site.commit(page("pushed over http"))
    ports = f"{RECEIVER}:443:{ship_server.machine.address}"
    there = ("-c", f"http.curloptResolve={ports}", "-c", "http.sslVerify=false")

    def push(secret: str) -> Completed:
        url = f"https://x:{secret}@{RECEIVER}/git/overhttp.git"
        return site.git(*there, "push", url, "main", check=False)

    assert push("wrong").returncode == 128
    pushed = push(token)
    assert pushed.returncode == 0, pushed.stderr
    assert "v1 is live" in pushed.stderr
    assert "pushed over http" in site.page()
    unseen = site.git(
        *there, "ls-remote", f"https://x:{token}@{RECEIVER}/git/hidden.git", check=False
    )
    assert "There is no app hidden on this server." in unseen.stderr
    ship_server.ship("apps:create hidden")
    same = site.git(
        *there, "ls-remote", f"https://x:{token}@{RECEIVER}/git/hidden.git", check=False
    )
    assert (same.returncode, same.stderr) == (unseen.returncode, unseen.stderr)
    assert token not in ship_server.root("cat /etc/ship/keys/ci.json")
    shown = ship_server.root("systemctl show -p MemoryMax,OOMPolicy --value ship-http.service")
    assert "continue" in shown.split()
    assert "infinity" not in shown.split()
    with silent_clients(ship_server.machine.address, token):
        site.commit(page("pushed past the silent"))
        assert push(token).returncode == 0
        assert "pushed past the silent" in site.page()
    assert "ship: a wrong token from" in ship_server.root("journalctl -u ship-http.service")

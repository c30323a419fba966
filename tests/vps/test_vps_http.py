"""Pushes over HTTP on a VPS: with a token, and with nothing resident before the first of them."""

from tests.vps.inside import Completed
from tests.vps.pages import page
from tests.vps.ship_server import ShipServer, install

RECEIVER = "ship.example.com"


def test_a_push_with_a_token_goes_live_and_one_without_is_refused(ship_server: ShipServer) -> None:
    told = install(ship_server.machine, "--http").stdout
    assert "ship-http.socket" in told
    assert ship_server.root("systemctl is-active ship-http.service || true").strip() == "inactive"
    site = ship_server.site("overhttp")
    token = ship_server.root("ship keys:add --token ci --grant overhttp=deploy").strip()
    site.commit(page("pushed over http"))
    resolve = f"http.curloptResolve={RECEIVER}:80:{ship_server.machine.address}"

    def push(secret: str) -> Completed:
        url = f"http://x:{secret}@{RECEIVER}/git/overhttp.git"
        return site.git("-c", resolve, "push", url, "main", check=False)

    assert push("wrong").returncode == 128
    pushed = push(token)
    assert pushed.returncode == 0, pushed.stderr
    assert "v1 is live" in pushed.stderr
    assert "pushed over http" in site.page()
    unseen = site.git(
        "-c", resolve, "ls-remote", f"http://x:{token}@{RECEIVER}/git/hidden.git", check=False
    )
    assert "There is no app hidden on this server." in unseen.stderr
    ship_server.ship("apps:create hidden")
    same = site.git(
        "-c", resolve, "ls-remote", f"http://x:{token}@{RECEIVER}/git/hidden.git", check=False
    )
    assert (same.returncode, same.stderr) == (unseen.returncode, unseen.stderr)
    assert token not in ship_server.root("cat /etc/ship/keys/ci.json")
    assert "nothing was changed" in install(ship_server.machine, "--http").stdout

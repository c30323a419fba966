"""Routing on a real machine, where nginx is another account than the app's, and than root."""

import urllib.request
from base64 import b64encode

from tests.vps.pages import page
from tests.vps.ship_server import DOMAIN, ShipServer, Site

NGINX = (
    "[static]\n'/media/' = 'storage:media'\n[nginx]\nstatic_cache = 60\n[nginx.cache]\n'/' = 60\n"
)
FILES: dict[str, str | bytes | None] = {
    "ship.toml": NGINX,
    "errors/503.html": "<h1>Ours</h1>",
}


def test_what_nginx_reads_and_writes_of_an_app_is_open_to_nginx_alone(
    ship_server: ShipServer,
) -> None:
    site = ship_server.site("routed")
    host = f"routed.{DOMAIN}"
    site.publish("first", FILES)
    assert ship_server.ask(host) == (200, "first")
    kept = ship_server.root("find /var/lib/nginx/ship-routed -type f")
    assert kept, "nginx keeps the page"
    site.ship("nginx:auth anna", input="secret\n")
    assert ship_server.ask(host)[0] == 401
    assert _with_password(ship_server, host, "anna:secret") == b"first"
    home = "/var/lib/ship/apps/routed"
    assert ship_server.root(f"stat -c '%U %G %a' {home}/passwords").strip() == "root www-data 640"
    assert ship_server.root(f"stat -c '%U %a' {home}/check-key").strip() == "root 600"
    site.commit(page("second"))
    assert "through nginx answered 200." in site.push().text
    site.ship("ps:stop web")
    assert ship_server.ask(host) == (503, "<h1>Ours</h1>")
    site.ship("ps:start web")
    site.ship("nginx:auth:remove anna")
    ship_server.root("mkdir -p /etc/ship/nginx.d/routed")
    ship_server.root("echo 'location = /own { return 204; }' > /etc/ship/nginx.d/routed/a.conf")
    site.ship("nginx:apply")
    assert ship_server.ask(host, "/own")[0] == 204
    _storage_is_served(ship_server, site, f"{home}/storage")
    ship_server.ship("apps:destroy routed --confirm routed")
    gone = ship_server.root("ls -d /var/lib/nginx/ship-routed", check=False)
    assert not gone.strip()


def _with_password(ship_server: ShipServer, host: str, name_and_password: str) -> bytes:
    told = b64encode(name_and_password.encode()).decode()
    request = urllib.request.Request(
        f"http://{ship_server.machine.address}/",
        headers={"Host": host, "Authorization": f"Basic {told}"},
    )
    with urllib.request.urlopen(request, timeout=20) as answer:
        return bytes(answer.read())


def _storage_is_served(ship_server: ShipServer, site: Site, storage: str) -> None:
    assert ship_server.root(f"stat -c '%a %G' {storage}").strip() == "710 www-data"
    assert ship_server.root(f"stat -c '%a %G' {storage}/media").strip() == "2750 www-data"
    site.ship(
        "run -- sh -c 'mkdir -p $SHIP_STORAGE/media/a; echo new > $SHIP_STORAGE/media/a/b.txt'"
    )
    assert ship_server.ask(f"routed.{DOMAIN}", "/media/a/b.txt") == (200, "new\n")
    site.ship("storage:put - media/put.txt", input="put")
    assert ship_server.ask(f"routed.{DOMAIN}", "/media/put.txt") == (200, "put")
    told = ship_server.root("/opt/ship/bin/ship doctor -a routed", check=False)
    assert storage not in told

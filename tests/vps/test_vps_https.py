"""HTTPS on a real machine: certificates of a real authority, which certbot orders."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.vps.acme import Authority
from tests.vps.laptop import Laptop, trust_as_root
from tests.vps.machine import Machine
from tests.vps.ship_server import DOMAIN, ShipServer, Site

OWN = f"blog.{DOMAIN}"
RECEIVER = f"ship.{DOMAIN}"
SCHEME = """
def app(environ, start_response):
    start_response("200 OK", [])
    return [environ["wsgi.url_scheme"].encode()]
"""
DNS_SERVER = Path(__file__).parents[1] / "dns_server.py"
HOOK = "/usr/local/sbin/set-record"
SETS_RECORDS = """#!/usr/bin/python3
import json, os, sys
zone = json.load(open("/root/zone.json"))
name = "_acme-challenge." + os.environ["CERTBOT_DOMAIN"]
if sys.argv[1] == "auth":
    zone.setdefault(name, {}).setdefault("TXT", []).append(os.environ["CERTBOT_VALIDATION"])
else:
    assert sys.argv[1] == "cleanup"
    zone.pop(name)
with open("/root/zone.json", "w") as file:
    json.dump(zone, file)
"""
SETTLE = "/opt/ship/bin/ship certs:settle"
KEPT = "/var/lib/ship/certificates"


@pytest.fixture(scope="module")
def server(installed_tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ShipServer]:
    """A server of this module's own, which certificates are ordered for."""
    with Machine.boot(installed_tree, "vps") as machine:
        laptop = Laptop(tmp_path_factory.mktemp("laptop"))
        laptop.knows(machine)
        trust_as_root(machine, laptop.key())
        yield ShipServer.on(machine, laptop, tmp_path_factory.mktemp("sites"))


@pytest.fixture(scope="module")
def authority(server: ShipServer) -> Authority:
    return Authority.on(server.machine)


@pytest.fixture(scope="module")
def blog(server: ShipServer, authority: Authority) -> Site:
    """An app whose own name leads to the machine, live, with its certificate."""
    del authority
    lead(server, OWN)
    site = server.site("blog")
    assert settled(site, OWN, 60)
    site.commit({"app.py": SCHEME, "requirements.txt": ""})
    pushed = site.push()
    assert pushed.status == 0, pushed.text
    assert f"        https://{OWN}" in pushed.text.replace("remote:", "")
    return site


def lead(server: ShipServer, name: str, address: str = "") -> None:
    """What the DNS would have of a name."""
    found = address or server.machine.address
    server.root(f"sed -i '/ {name}$/d' /etc/hosts; echo '{found} {name}' >> /etc/hosts")


def stands(site: Site, name: str) -> dict[str, Any]:
    listed = json.loads(site.ship("certs --json").stdout)
    return next(each for each in listed if each["name"] == name)


def settled(site: Site, name: str, limit_s: float) -> float | None:
    """Seconds until a name has its certificate; None where the time was not enough."""
    began = time.monotonic()
    while (took := time.monotonic() - began) < limit_s:
        if stands(site, name)["issuer"]:
            site.ship(f"domains:wait {name}")  # until nginx serves it
            return took
        time.sleep(0.5)
    return None


def covered_by(server: ShipServer, site: Site, name: str) -> None:
    """Wait until the own name of an app has a certificate for `name`, whichever pass orders it."""
    server.machine.wait_until(
        lambda: (server.root(SETTLE), stands(site, OWN)["covers"] == [name])[1], "has it", 90
    )


def advised(server: ShipServer) -> dict[str, str]:
    """What doctor advises, by the name of its finding."""
    told = json.loads(server.root("/opt/ship/bin/ship doctor --json", check=False))
    return {each["name"]: each["advice"] for each in told["findings"]}


def fetch(server: ShipServer, url: str) -> str:
    """Status, protocol and page, for a visitor who trusts what the machine trusts."""
    argv = ("curl", "-sS", "-o", "-", "-w", " %{http_code} %{http_version}", url)
    return server.root(argv, check=False)


def served(server: ShipServer, name: str) -> str:
    """The certificate that nginx shows for a name."""
    line = f"openssl s_client -connect 127.0.0.1:443 -servername {name} </dev/null 2>/dev/null"
    return server.root(f"{line} | openssl x509 -noout -serial -issuer", check=False)


def test_a_first_push_ends_at_a_trusted_page(server: ShipServer, blog: Site) -> None:
    assert fetch(server, f"https://{OWN}/") == "https 200 2"
    moved = server.root(("curl", "-sSI", "-X", "POST", f"http://{OWN}/a?b=c"))
    assert moved.startswith("HTTP/1.1 308")
    assert f"Location: https://{OWN}/a?b=c" in moved
    modes = server.root(f"stat -c '%a %U' {KEPT} {KEPT}/*.pem").split("\n")
    assert modes[0] == "700 root"
    assert len(modes) > len(["the folder", "the self-signed one"])
    assert set(modes[1:]) == {"600 root"}
    assert blog.ship("urls").stdout == f"https://{OWN}\n"


def test_a_domain_is_served_once_its_name_leads_here(server: ShipServer, blog: Site) -> None:
    name = "www.blog.example"
    added = blog.ship(f"domains:add {name}")
    assert f"The DNS has no address for {name}." in added.stderr
    assert f"Set at your DNS provider: {name} A {server.machine.address}." in added.stderr
    lead(server, name, "203.0.113.9")
    server.machine.wait_until(
        lambda: "203.0.113.9" in str(stands(blog, name)["trouble"]), "sees another address", 30
    )
    lead(server, name)
    took = settled(blog, name, 30)
    assert took is not None
    print(f"trusted {took:.1f} s after the name led here")
    assert fetch(server, f"https://{name}/") == "https 200 2"
    waited = blog.ship(f"domains:wait {name}")
    assert waited.stdout == f"https://{name}\n"
    assert served(server, name) != served(server, OWN)
    blog.ship(f"domains:remove {name}")
    server.machine.wait_until(
        lambda: name not in server.root(f"ls {KEPT} /var/lib/ship/certbot/config/live"),
        "forgets it",
        30,
    )
    assert served(server, name) == ""


def test_an_authority_that_is_away_or_refuses_is_told_and_nothing_else_suffers(
    server: ShipServer, authority: Authority, blog: Site
) -> None:
    name, own = "away.example", f"early.{DOMAIN}"
    lead(server, name)
    lead(server, own)
    authority.stop()
    early = server.site("early")
    blog.ship(f"domains:add {name}")
    server.machine.wait_until(lambda: bool(stands(blog, name)["trouble"]), "is told of it", 60)
    told = stands(blog, name)
    assert told["trouble"] == "The authority cannot be reached from this server."
    assert told["next_try_at"] > told["tried_at"]
    assert fetch(server, f"https://{OWN}/") == "https 200 2"
    assert "https://" in blog.push("--push-option=force", "main").text
    authority.configure()
    again = blog.ship(f"domains:wait {name} --limit 150")
    assert again.stdout == f"https://{name}\n"
    assert settled(early, own, 150), "nobody asks for it a second time"
    blog.ship(f"domains:remove {name}")
    server.ship("apps:destroy early --confirm early")


def test_a_name_without_a_certificate_is_served_with_ours_and_unknown_ones_with_none(
    server: ShipServer, blog: Site
) -> None:
    blog.ship("domains:add nowhere.example")
    assert "not from an authority" in served(server, "nowhere.example")
    assert served(server, f"unknown.{DOMAIN}") == ""
    assert "No https yet" not in blog.push("--push-option=force", "main").text
    server.machine.wait_until(
        lambda: "The DNS has no address for nowhere.example." in blog.ship("domains").stdout,
        "has looked",
        30,
    )
    blog.ship("domains:clear")
    assert served(server, "nowhere.example") == ""


def test_a_certificate_is_renewed_when_it_is_due_and_no_request_is_lost(
    server: ShipServer, authority: Authority, blog: Site
) -> None:
    """With certificates of a minute: they are due at two thirds of their life."""
    authority.configure(life_s=60)
    name = "short.example"
    lead(server, name)
    blog.ship(f"domains:add {name}")
    assert settled(blog, name, 60)
    first = served(server, name)
    server.root(SETTLE)
    assert served(server, name) == first
    server.root(
        f"for i in $(seq 1800); do curl -sS -o /dev/null -w '%{{http_code}}\\n' https://{name}/;"
        " sleep 0.05; done >/root/asked 2>&1 & echo $! >/root/asking"
    )
    server.machine.wait_until(
        lambda: (server.root(SETTLE), served(server, name) != first)[1], "renews it", 150
    )
    server.root("kill $(cat /root/asking)", check=False)
    assert set(server.root("sort /root/asked | uniq").split()) == {"200"}
    blog.ship(f"domains:remove {name}")
    authority.configure()


def test_a_power_cut_in_an_order_leaves_all_as_it_was_and_the_next_pass_ends_it(
    server: ShipServer, blog: Site
) -> None:
    name = "cut.example"
    lead(server, name)
    server.root("systemctl mask --runtime --now ship-certificates.timer", check=False)
    blog.ship(f"domains:add {name}")
    server.machine.wait_until(lambda: "certbot" in server.root("ps -eo args"), "is at an order", 30)
    server.machine.cut_power()
    server.machine.boot_again()
    server.machine.wait_until(lambda: "not from" in served(server, name), "serves", 60)
    assert "cut.example" in blog.ship("domains").stdout
    server.root("systemctl start pebble; sleep 1")
    Authority(server.machine).configure()
    server.root(SETTLE)
    assert stands(blog, name)["issuer"]
    blog.ship(f"domains:remove {name}")


def begin_dns(server: ShipServer) -> None:
    """Have a server of the DNS answer what /root/zone.json has."""
    server.machine.copy_in(DNS_SERVER, "/root/dns_server.py")
    server.machine.write("/root/zone.json", "{}")
    server.root("systemd-run -q --unit=dns python3 /root/dns_server.py 5300 /root/zone.json")


def test_with_a_dns_hook_one_certificate_serves_all_apps_and_none_waits(
    server: ShipServer, authority: Authority, blog: Site
) -> None:
    begin_dns(server)
    server.machine.write(HOOK, SETS_RECORDS)
    server.root(f"chmod 777 {HOOK}; sed -i '1i dns_hook = \"{HOOK}\"' /etc/ship/ship.toml")
    authority.configure(dns="127.0.0.1:5300")
    server.root(f"systemd-run -q {SETTLE}")
    told = f"On the server, as root: `chmod go-w {HOOK}`."
    server.machine.wait_until(
        lambda: advised(server).get("certificate.wildcard") == told, "is told", 60
    )
    server.root(f"chmod go-w {HOOK}")
    own = served(server, OWN)
    covered_by(server, blog, f"*.{DOMAIN}")
    assert "certificate.wildcard" not in advised(server)
    server.machine.wait_until(lambda: served(server, OWN) != own, "serves it", 30)
    assert fetch(server, f"https://{OWN}/") == "https 200 2"
    assert server.root("cat /root/zone.json") == "{}", "the record was taken away again"
    fresh = server.site("fresh")
    assert stands(fresh, f"fresh.{DOMAIN}")["covers"] == [f"*.{DOMAIN}"]
    lead(server, f"fresh.{DOMAIN}")
    assert fetch(server, f"https://fresh.{DOMAIN}/").endswith(" 404 2"), "nothing was pushed there"
    fresh.ship("domains:add *.fresh.example")
    assert settled(fresh, "*.fresh.example", 60)
    kept = f"ls {KEPT} /var/lib/ship/certbot/config/renewal"
    assert OWN not in server.root(kept)
    server.root("sed -i '/^dns_hook/d' /etc/ship/ship.toml; systemctl stop dns")
    authority.configure()
    server.ship("apps:destroy fresh --confirm fresh")
    covered_by(server, blog, OWN)
    assert fetch(server, f"https://{OWN}/") == "https 200 2"


def test_pushes_come_by_https_with_a_token_and_never_in_the_clear(
    server: ShipServer, authority: Authority, tmp_path: Path
) -> None:
    del authority
    name = RECEIVER
    lead(server, name)
    server.root(f"rm -f {KEPT}/{name}.json")  # when it is to be tried next
    server.machine.wait_until(
        lambda: (server.root(SETTLE), "pebble" in served(server, name).lower())[1], "has it", 150
    )
    site = server.site("robotic")
    added = server.ship("tokens:add ci robotic --expires 1d")
    token = added.stdout.strip()
    assert f"git push https://ci:TOKEN@{name}/git/robotic.git main" in added.stderr
    assert "There is no certificate" not in added.stderr
    site.commit({"index.html": "by https", "static.json": "{}"})
    (tmp_path / "root.pem").write_text(server.root("cat /root/pebble/root.pem"))
    address = server.machine.address
    there = ("-c", f"http.curloptResolve={name}:443:{address}")
    trusting = {**site.environment, "GIT_SSL_CAINFO": str(tmp_path / "root.pem")}
    url = f"https://ci:{token}@{name}/git/robotic.git"
    pushed = site.git(*there, "push", url, "main", check=False, environment=trusting)
    assert "v1 is live" in pushed.stderr, pushed.stderr
    clear = ("-c", f"http.curloptResolve={name}:80:{address}")
    refused = site.git(
        *clear, "ls-remote", f"http://ci:{token}@{name}/git/robotic.git", check=False
    )
    assert "Over plain http, others could read your token." in refused.stderr
    near = f"git ls-remote http://ci:{token}@{name}/git/robotic.git"
    server.root(f"sed -i '/ {name}$/d' /etc/hosts; echo '127.0.0.1 {name}' >> /etc/hosts")
    assert "refs/heads/main" in server.root(near), "on the machine itself nobody listens"
    lead(server, name)
    moved = server.root(("curl", "-sSI", f"http://{name}/"))
    assert f"Location: https://{name}/" in moved


def test_a_renamed_app_gets_its_own_and_of_a_destroyed_one_nothing_is_left(
    server: ShipServer, blog: Site
) -> None:
    del blog  # with which the authority comes
    old, new = f"diary.{DOMAIN}", f"journal.{DOMAIN}"
    lead(server, old)
    lead(server, new)
    assert settled(server.site("diary"), old, 150)
    server.ship("apps:rename journal -a diary")
    assert settled(server.checkout("journal"), new, 150)
    assert fetch(server, f"https://{new}/").endswith(" 404 2"), "nothing was pushed there"
    kept = f"ls {KEPT} /var/lib/ship/certbot/config/live /var/lib/ship/certbot/config/renewal"
    server.machine.wait_until(lambda: old not in server.root(kept), "forgets the old name", 150)
    server.ship("apps:destroy journal --confirm journal")
    server.machine.wait_until(lambda: new not in server.root(kept), "keeps nothing of it", 150)

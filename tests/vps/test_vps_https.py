"""HTTPS on a real machine: certificates of a real authority, which certbot orders."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.vps.acme import Authority
from tests.vps.laptop import Laptop, trust_as_root
from tests.vps.machine import Machine
from tests.vps.ship_server import DOMAIN, ShipServer, Site


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
    """An app whose own name leads to the machine."""
    del authority
    leads_here(server, f"blog.{DOMAIN}")
    return server.site("blog")


def leads_here(server: ShipServer, *names: str) -> None:
    server.root(f"echo '{server.machine.address} {' '.join(names)}' >> /etc/hosts")


def fetch(server: ShipServer, url: str, *options: str) -> str:
    """What a visitor on the machine gets who trusts what the machine trusts; its status first."""
    argv = ("curl", "-sS", "-o", "-", "-w", "\n%{http_code} %{http_version}", *options, url)
    body, _, status = server.root(argv, check=False).rpartition("\n")
    return f"{status} {body}"


def test_a_first_push_ends_at_a_trusted_page(server: ShipServer, blog: Site) -> None:
    name = f"blog.{DOMAIN}"
    server.machine.wait_until(
        lambda: json.loads(blog.ship("domains --json").stdout)[0]["https"], "has https", 60
    )
    blog.commit({"app.py": "", "requirements.txt": ""})
    text = "import os\ndef app(environ, start_response):\n    start_response('200 OK', [])\n"
    text += "    return [environ['wsgi.url_scheme'].encode()]\n"
    blog.commit({"app.py": text})
    pushed = blog.push()
    assert pushed.status == 0, pushed.text
    assert f"https://{name}" in pushed.text
    assert fetch(server, f"https://{name}/") == "200 2 https"
    assert fetch(server, f"http://{name}/a?b=c").startswith("301")
    moved = server.root(("curl", "-sSI", "-X", "POST", f"http://{name}/a?b=c"))
    assert moved.startswith("HTTP/1.1 308")
    assert f"Location: https://{name}/a?b=c" in moved

"""System packages on a machine with apt: asked for by a push, allowed by an administrator,
installed without starting anything."""

import json
import re

import pytest

from buildpacks.python import build_failures
from receiver.diagnosis import libraries
from receiver.machine import apt
from tests.vps.ship_server import ShipServer, Site

pytestmark = pytest.mark.vps

POLICY = "/usr/sbin/policy-rc.d"
NOTE = "/var/lib/ship/packages/units-before"


@pytest.fixture(scope="module")
def site(ship_server: ShipServer) -> Site:
    site = ship_server.site("sound")
    site.publish("one")
    return site


def test_a_push_has_allowed_packages_installed_and_nothing_started(
    ship_server: ShipServer, site: Site
) -> None:
    """`at` brings a service that Debian would start, now and at each boot."""
    site.commit({"Aptfile": "# jobs\nat\n"})
    refused = site.push()
    assert refused.status != 0
    assert "lacks: at." in refused.text
    assert "(build/packages-missing)" in refused.text
    assert "ship packages:add at" in refused.text
    assert site.page() == "one"
    ship_server.root("sed -i '$a apt = \"allow\"' /etc/ship/ship.toml")
    try:
        pushed = site.push()
        assert pushed.status == 0, pushed.text
        assert "-----> Installing system packages: at" in pushed.lines
        assert "atd.service came with a package, and is kept from starting." in pushed.text
        assert ship_server.root("command -v at") == "/usr/bin/at"
        assert ship_server.root("systemctl is-enabled atd", check=False) == "disabled"
        assert ship_server.root("systemctl is-active atd", check=False) == "inactive"
        assert ship_server.root(f"ls {POLICY} {NOTE} 2>&1", check=False).count("No such") == 2
        assert "Installing" not in _once_more(site)
    finally:
        ship_server.root("sed -i '$d' /etc/ship/ship.toml")
    assert "at  installed" in ship_server.ship("packages").stdout
    ship_server.root("apt-get remove -qq -y at")
    found = ship_server.ship("doctor -a sound", check=False)
    assert "System packages that it needs are gone: at." in found.stdout
    told = json.loads(ship_server.ship("doctor -a sound --json", check=False).stdout)["findings"]
    assert [each["name"] for each in told] == ["packages.missing"]
    assert "`ship packages:add at`" in found.stdout
    _follow(ship_server, site)


def _follow(ship_server: ShipServer, site: Site) -> None:
    """What the refused push and the doctor advise: `ship packages:add at`."""
    ship_server.ship("packages:add at")
    assert ship_server.ship("doctor -a sound").returncode == 0
    _once_more(site)
    ship_server.ship("packages:remove at")


def _once_more(site: Site) -> str:
    pushed = site.push("--push-option=force", "main")
    assert pushed.status == 0, pushed.text
    return pushed.text


def test_what_an_administrator_allows_is_installed_at_once(ship_server: ShipServer) -> None:
    """After a power cut in the middle of an earlier installation, which the command puts right."""
    ship_server.root(
        f"systemctl list-unit-files --state=enabled,generated --no-legend | cut -d' ' -f1 > {NOTE};"
        f"printf '#!/bin/sh\\n# Of Ship, while it installs packages; it goes when that ends.\\n"
        f"exit 101\\n' > {POLICY}; chmod 755 {POLICY}"
    )
    unknown = ship_server.ship("packages:add libmagic", check=False)
    assert unknown.returncode == 4
    assert "has no package libmagic." in unknown.stderr
    assert "(build/package-unknown)" in unknown.stderr
    assert "or by `apt-cache search` on the server." in unknown.stderr
    assert "libmagic1 - " in ship_server.root("apt-cache search libmagic")
    added = ship_server.ship("packages:add libmagic1")
    assert "Apps of this server may have libmagic1." in added.stderr + added.stdout
    assert "libmagic.so.1" in ship_server.root("/sbin/ldconfig -p")
    assert ship_server.root(f"ls {POLICY} {NOTE} 2>&1", check=False).count("No such") == 2
    assert "libmagic " not in ship_server.ship("packages").stdout
    ship_server.ship("packages:remove libmagic1")
    assert ship_server.ship("packages:remove libmagic1", check=False).returncode == 20


def test_a_library_that_an_app_lacks_is_installed_as_advised(
    ship_server: ShipServer, site: Site
) -> None:
    code = (site.folder / "app.py").read_text()
    site.commit({"app.py": f"import ctypes\nctypes.CDLL('libusb-1.0.so.0')\n{code}"})
    refused = site.push("--push-option=force", "main")
    assert refused.status == 1
    assert "(check/missing-library)" in refused.text
    (advice,) = re.findall(r"`ship (packages:add [^`]+)`", " ".join(refused.text.split()))
    ship_server.ship(advice)
    pushed = site.push("--push-option=force", "main")
    assert pushed.status == 0, pushed.text
    ship_server.ship(advice.replace("add", "remove", 1))
    site.commit({"app.py": code})


def test_packages_that_advice_names_are_in_debian(ship_server: ShipServer) -> None:
    names = {*libraries.PACKAGES.values(), *build_failures.ADVISED}
    found = ship_server.root(("apt-cache", "policy", *sorted(names)))
    assert names == set(apt.CANDIDATE.findall(found + "\n"))

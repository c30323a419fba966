"""Lock files on a machine with systemd, where a build runs in a unit of its own that other
accounts can look at."""

import hashlib
import json
import subprocess

from tests.embedded.package_index import source_package
from tests.vps.pages import slow_build
from tests.vps.ship_server import ShipServer, Site

PASSWORD = "s3cret-Of-The-House"
NO_PACKAGES = {
    "_meta": {
        "sources": [{"name": "pypi", "url": "https://pypi.org/simple", "verify_ssl": True}],
        "requires": {},
    },
    "default": {},
    "develop": {},
}
LOCK = {
    "_meta": {
        "hash": {
            "sha256": hashlib.sha256(
                json.dumps(NO_PACKAGES, sort_keys=True, separators=(",", ":")).encode()
            ).hexdigest()
        },
        "sources": [{"name": "pypi", "url": "https://pypi.org/simple", "verify_ssl": True}],
    },
    "default": {
        "iniconfig": {"version": "==2.0.0"},
        "colorama": {"version": "==0.4.6", "markers": "sys_platform == 'win32'"},
    },
}
APP = """
import importlib.metadata

def app(environ, start_response):
    start_response("200 OK", [("Content-Length", "5")])
    return [importlib.metadata.version("iniconfig").encode()]
"""


def test_a_lock_reaches_the_installer_in_its_unit(ship_server: ShipServer) -> None:
    site = ship_server.site("locked")
    site.commit({"app.py": APP, "Pipfile": "", "Pipfile.lock": json.dumps(LOCK)})
    pushed = site.push()
    assert pushed.status == 0, pushed.text
    assert site.page() == "2.0.0"


LIMITED = {"app.py": APP, "requirements.txt": "iniconfig\n"}
UNREADABLE = "is left out, because the app's account cannot read it."


def test_a_constraint_of_the_machine_counts_where_the_account_reads_it(
    ship_server: ShipServer,
) -> None:
    site = ship_server.site("limited")
    for place in ("/srv", "/root"):
        ship_server.root(f"echo 'iniconfig==1.1.1' > {place}/limits.txt")
    site.ship("config:set PIP_CONSTRAINT=/srv/limits.txt")
    site.commit(LIMITED)
    pushed = site.push()
    assert (pushed.status, site.page()) == (0, "1.1.1"), pushed.text
    assert UNREADABLE not in pushed.text
    ship_server.root("chmod 600 /srv/limits.txt")
    site.commit({"README": ""})
    pushed = site.push()
    assert UNREADABLE in pushed.text
    assert site.page() > "1.1.1"
    site.ship("config:set PIP_CONSTRAINT=/root/limits.txt")
    site.commit({"README": "once more"})
    assert UNREADABLE in site.push().text
    ship_server.root("rm /srv/limits.txt /root/limits.txt")


def test_no_account_reads_the_password_of_an_index_from_a_unit(ship_server: ShipServer) -> None:
    site = ship_server.site("secretive")
    site.publish("before")
    site.ship(
        f"config:set PIP_EXTRA_INDEX_URL=http://me:{PASSWORD}@127.0.0.1:9/simple UV_OFFLINE=1"
    )
    site.commit(slow_build("after", 2))
    push = site.start_push()
    unit = _building(site, push)
    shown = ship_server.root(f"systemctl show {unit}")
    assert "UV_LINK_MODE=copy" in shown
    lines = ship_server.root("cat /proc/[0-9]*/cmdline | tr '\\0' '\\n'", check=False)
    push.communicate()
    assert PASSWORD not in shown
    assert PASSWORD not in lines


def _building(site: Site, push: "subprocess.Popen[str]") -> str:
    """The unit in which a push builds, as soon as there is one."""
    pattern = f"ship-{site.app}.build-*.service"
    found: list[str] = []

    def look() -> bool:
        listing = site.server.root(f"systemctl list-units --plain --no-legend '{pattern}'")
        found[:] = [line.split()[0] for line in listing.splitlines()]
        return bool(found) or push.poll() is not None

    site.server.machine.wait_until(look, "builds", 60)
    assert found, "it ended without a build"
    return found[0]


def test_own_package_and_pip_in_the_sandbox(ship_server: ShipServer) -> None:
    """pip is root's, one for all apps; what post_compile installs with it is the app's."""
    site = ship_server.site("own")
    files = source_package("", "own", "")
    del files["own.py"]
    backend = files["backend.py"].replace("Path.cwd()", 'Path.cwd() / "src"')
    site.commit(
        {
            **files,
            "backend.py": backend,
            "src/own/__init__.py": APP,
            "requirements.txt": "-e .\n",
            "bin/post_compile": "pip install --no-deps iniconfig==2.0.0\n"
            "python -c 'import pip; print(pip.__file__)'\n",
            "Procfile": "web: gunicorn own:app\n",
        }
    )
    pushed = site.push()
    assert pushed.status == 0, pushed.text
    assert "Successfully installed iniconfig-2.0.0" in pushed.text
    assert "/opt/ship/pip/pip/__init__.py" in pushed.text
    assert site.page() == "2.0.0"

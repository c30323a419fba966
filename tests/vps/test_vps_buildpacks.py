"""A buildpack of somebody else's on a real machine: whose it runs as, what it can write, who
fetched it."""

import shlex
from collections.abc import Iterator

import pytest

from tests.vps.ship_server import APPS, ShipServer, Site

PLACES = "/ /etc /etc/ship /var/lib/ship /var/lib/ship/buildpacks /srv/pack /usr/local/bin"
COMPILE = f"""#!/bin/bash
home={APPS}/packed
for place in {PLACES} "$home" "$home/venvs" "$home/releases" "$home/builds" \\
  {APPS}/beside-packed/storage "$1" "$2" "$3" /tmp; do
    touch "$place/x" 2>/dev/null && echo "wrote $place"
done
cat {APPS}/beside-packed/config.json /etc/ship/ship.toml 2>/dev/null && echo "read what it must not"
echo "as $(id -un), env ${{SECRET:-none}}, file $(cat "$3/SECRET")"
echo "from the buildpack" > "$1/index.html"
"""


@pytest.fixture(scope="module")
def packed(ship_server: ShipServer) -> Iterator[Site]:
    """An app that a folder of the server builds; the settings are put back."""
    root = ship_server.root
    root("mkdir -p /srv/pack/bin && cp /etc/ship/ship.toml /root/ship.toml.kept")
    for name, text in {"detect": "#!/bin/sh\necho Packed\n", "compile": COMPILE}.items():
        root(
            f"printf %s {shlex.quote(text)} > /srv/pack/bin/{name} && chmod 755 "
            f"/srv/pack/bin/{name}"
        )
    root("sed -i '/^\\[buildpacks\\]/d' /etc/ship/ship.toml")
    root("printf '[buildpacks]\\npack = \"/srv/pack\"\\n' >> /etc/ship/ship.toml")
    ship_server.site("beside-packed").ship("config:set OTHER=of-the-victim")
    site = ship_server.site("packed")
    site.ship("config:set SECRET=of-the-packed")
    yield site
    root("mv /root/ship.toml.kept /etc/ship/ship.toml && rm -r /srv/pack")


def test_a_buildpack_writes_the_tree_and_its_own_folders_alone(packed: Site) -> None:
    packed.ship("buildpacks:clear", check=False)
    said = packed.ship("buildpacks:set pack")
    assert "Next release on packed will use pack." in said.stdout + said.stderr
    packed.ship("buildpacks:add static")
    packed.commit({"index.html": "pushed"})
    pushed = packed.push()
    assert pushed.status == 0, pushed.text
    written = [
        line.split("wrote ")[1].strip() for line in pushed.text.splitlines() if "wrote " in line
    ]
    home, release = f"{APPS}/packed", f"{APPS}/packed/releases/v{packed.live()}"
    assert written[:2] == [f"{release}/source", f"{home}/cache/buildpacks/pack"]
    assert written[2].startswith(f"{release}/buildpacks/1/env")
    assert written[3:] == ["/tmp"]
    assert "read what it must not" not in pushed.text
    assert "as ship-packed, env none, file [hidden]" in pushed.text
    assert packed.page().strip() == "from the buildpack"
    assert packed.leftovers() == []
    assert packed.server.root(f"ls {release}/buildpacks 2>&1 || true").startswith("ls: ")


def test_only_the_administrator_lets_a_buildpack_in(packed: Site) -> None:
    refused = packed.ship("buildpacks:set https://git.example/evil.git", check=False)
    assert refused.returncode == 21
    assert "is not allowed on this server" in refused.stdout + refused.stderr


GIT_SERVER = """#!/bin/sh
export GIT_PROJECT_ROOT=/srv/git GIT_HTTP_EXPORT_ALL=1
exec git http-backend
"""
SETUP = """
set -e
git init -q /srv/work && cd /srv/work && cp -a /srv/pack/bin . && git add -A
git -c user.name=a -c user.email=a@example.com commit -q -m Pack
git config uploadpack.allowTipSHA1InWant true
mkdir -p /srv/git /srv/www/cgi-bin && cp -a .git /srv/git/pack.git && chown -R nobody /srv/git
cat > /srv/www/cgi-bin/git && chmod 755 /srv/www/cgi-bin/git
systemd-run --quiet --collect --unit=git-for-the-test \\
  python3 -m http.server --cgi -b 127.0.0.1 -d /srv/www 8099 >&2
for _ in $(seq 100); do bash -c ': < /dev/tcp/127.0.0.1/8099' 2>/dev/null && break; done
git rev-parse HEAD
"""


@pytest.fixture
def commit(packed: Site) -> Iterator[str]:
    """The same buildpack in a git repository that the machine serves, at this commit."""
    machine = packed.server.machine
    yield machine.run(("bash", "-c", SETUP), input=GIT_SERVER).stdout.strip()
    machine.run("systemctl stop git-for-the-test")


def test_git_fetches_as_nobody_and_its_tar_file_is_roots(packed: Site, commit: str) -> None:
    root = packed.server.root
    address = f"http://127.0.0.1:8099/cgi-bin/git/pack.git#{commit}"
    for name, at in (("there", address), ("gone", address.replace("pack", "gone"))):
        root(f"printf '{name} = \"{at}\"\\n' >> /etc/ship/ship.toml")
    packed.ship("buildpacks:clear", check=False)
    packed.ship("buildpacks:set gone")
    packed.commit({"index.html": "again"})
    refused = packed.push()
    packed.ship("buildpacks:set there")
    packed.ship("buildpacks:add static")
    pushed = packed.push()
    packed.ship("buildpacks:clear")
    assert refused.status == 1
    assert "(build/buildpack-not-fetched)" in refused.text
    assert pushed.status == 0, pushed.text
    assert "Packed app detected, by the buildpack there" in pushed.text
    assert "/srv/pack" not in pushed.text
    listed = root("stat -c '%A %U %G' /var/lib/ship/buildpacks /var/lib/ship/buildpacks/*").split(
        "\n"
    )
    assert listed == ["drwx------ root root", "-rw------- root root"]
    assert root("ls /tmp | grep ship-buildpack || true") == ""

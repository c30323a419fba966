"""A clone on a real machine, with accounts of its own; and what a laptop with Ship on it types
over real ssh."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.checkout import NOBODYS_SETTINGS
from tests.vps.ship_server import APPS, ShipServer, Site

SHIP = Path(sys.executable).with_name("ship")
COMPLETED = """
. /usr/share/bash-completion/completions/ship
COMP_LINE='ship apps:inf' COMP_POINT=13
_ship_completion ship inf ship
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture(scope="module")
def site(ship_server: ShipServer) -> Site:
    """The app `source`, whose storage has a file, and a link that leads where only root may
    read."""
    made = ship_server.site("source")
    made.publish(
        "of the source", {"ship.toml": '[cron.often]\nschedule = "* * * * *"\ncommand = "true"\n'}
    )
    made.ship("config:set SECRET=abc HOME_URL=http://source.example.com/")
    made.ship(
        f"run -- sh -c 'cd {APPS}/source/storage && echo kept >file && ln -s /etc/shadow link'"
    )
    return made


@pytest.fixture(scope="module")
def typed(site: Site, tmp_path_factory: pytest.TempPathFactory):
    """Types `ship` on this computer, in the checkout; its ssh is the laptop's."""
    home = tmp_path_factory.mktemp("laptop")
    ssh, browser = home / "ssh", home / "browser"
    ssh.write_text(f'#!/bin/sh\nexec /usr/bin/{shlex.join(site.server.laptop.ssh_argv())} "$@"\n')
    browser.write_text(f'#!/bin/sh\necho "$1" >>{home}/shown\n')
    for program in (ssh, browser):
        program.chmod(0o755)
    environment = {
        **NOBODYS_SETTINGS, "PATH": f"{home}:{os.environ['PATH']}", "HOME": str(home),
        "BROWSER": "browser",
    }  # fmt: skip

    def ship(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            (str(SHIP), *words),
            cwd=site.folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
            stdin=subprocess.DEVNULL,
        )

    ship.home = home  # type: ignore[attr-defined] # where the browser notes what it was to show
    return ship


def test_a_clone_has_the_files_of_the_original_and_an_account_of_its_own(site: Site, typed) -> None:
    done = typed("apps:clone", "twin", "--storage")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "http://twin.example.com | ship@vps:twin\n"
    assert "HOME_URL: source.example.com became twin.example.com." in done.stderr
    assert done.stderr.count("git remote add") == 1
    assert done.stderr.endswith("To push to it from here: git remote add twin ship@vps:twin\n")
    server = site.server
    assert server.ask("twin.example.com") == (200, "of the source")
    assert server.ask("twin.example.com", "/env/SECRET") == (200, "abc")
    storage = f"{APPS}/twin/storage"
    assert server.root(f"stat -c '%U %F' {storage}/file {storage}/link") == (
        "ship-twin regular file\nship-twin symbolic link"
    )
    assert server.root(f"cat {storage}/file") == "kept"
    assert server.root("systemctl list-timers --all --no-legend 'ship-twin*'") == ""
    assert server.root("find /var/lib/ship/clones -type f") == ""
    refused = server.ship(f"run -a twin -- cat {APPS}/source/storage/file", check=False)
    assert refused.returncode != 0
    assert server.checkout("twin").leftovers() == []
    server.ship("apps:destroy twin --confirm twin")


def test_a_clone_that_cannot_start_leaves_no_account_and_no_unit(site: Site, typed) -> None:
    site.commit({"Procfile": 'web: gunicorn app:app\nrelease: test -z "$SHIP_CLONED"\n'})
    assert site.push().status == 0
    server = site.server
    server.root(f"""sed -i 's/"SECRET"/"SHIP_CLONED": "x", "SECRET"/' {APPS}/source/config.json""")
    failed = typed("apps:clone", "source", "stillborn")
    assert (failed.returncode, failed.stdout) == (5, "")
    assert "stillborn was taken away again." in failed.stderr
    left = (
        "find /etc/systemd /etc/nginx /var/lib/ship /run/ship -name '*stillborn*'; getent "
        "passwd ship-stillborn || true"
    )
    assert server.root(left) == ""
    site.ship("config:unset SHIP_CLONED")


def test_open_shows_a_page_on_the_laptop_and_only_prints_it_over_ssh(site: Site, typed) -> None:
    done = typed("open", "/env/SECRET")
    assert (done.returncode, done.stdout) == (0, "http://source.example.com/env/SECRET\n")
    assert (typed.home / "shown").read_text() == done.stdout
    assert site.ship("open").stdout == "http://source.example.com\n"
    assert typed("urls").stdout == "http://source.example.com\n"


def test_a_checkout_is_made_of_an_app(site: Site, typed, tmp_path: Path) -> None:
    done = typed("git:clone", "-a", "source", "-r", "live", str(tmp_path / "copy"))
    assert done.returncode == 0, done.stderr
    assert site.git("-C", str(tmp_path / "copy"), "remote", "-v").stdout.startswith(
        "live\tship@vps:source (fetch)\n"
    )
    assert (tmp_path / "copy" / "app.py").exists()
    nothing = typed("git:clone", "-a", "nobody", str(tmp_path / "none"))
    assert nothing.returncode == 128
    assert "There is no app nobody on this server." in nothing.stderr
    over_ssh = site.ship("git:clone", check=False)
    assert (over_ssh.returncode, "git clone ship@example.com:source" in over_ssh.stderr) == (
        2,
        True,
    )


def test_settings_of_another_platform_are_sent_over_ssh(site: Site, typed, tmp_path: Path) -> None:
    (tmp_path / "ENV").write_text('UWSGI_PROCESSES=3\nSAID=it\'s "so"\n')
    site.server.ship("apps:create settler")
    done = typed("import", str(tmp_path), "--apply", "-a", "settler")
    assert done.returncode == 0, done.stderr
    assert "it's" not in done.stdout + done.stderr
    assert site.server.ship("config:get SAID -a settler").stdout == 'it\'s "so"\n'
    assert site.server.ship("ps:scale -a settler --json").stdout == '{\n  "web": 3\n}\n'
    over_ssh = site.server.ship("import -a settler", check=False)
    assert over_ssh.returncode == 2, over_ssh.stderr
    assert "This command acts on the machine where it is typed." in over_ssh.stderr
    assert "(usage/only-here)" in over_ssh.stderr
    site.server.ship("apps:destroy settler --confirm settler")


def test_names_are_completed_from_the_server_and_on_it(site: Site, typed) -> None:
    assert typed("completion:words", "--", "ship logs -a sour").stdout == "source\n"
    assert typed("completion:words", "--", "ship rollback ").stdout.endswith("v1\n")
    assert site.server.root(("bash", "-c", COMPLETED)) == "info"
    over_ssh = site.server.ship(["completion:words", "--", "ship logs -a sour"])
    assert over_ssh.stdout == ""

"""Who should own what on a VPS, as doctor has it and as installer.sh makes it."""

import re
from pathlib import Path

import pytest

from receiver.hosts.accounts import Owner
from receiver.hosts.systemd.doctor.access import app_access, server_access, sudo_rule
from receiver.model.layout import Layout
from receiver.model.names import AppName

ROOT = Path(__file__).parents[5]
INSTALLER = (ROOT / "installer.sh").read_text()
SHIP = Owner(990, 991)
OWNERS = {"root:root": (0, 0), "root:ship": (0, 991), "ship:ship": (990, 991)}


def test_the_sudo_rule_is_the_installers() -> None:
    command = INSTALLER.split("installer::sudo_rule() {\n")[1].split("\n}\n")[0]
    found = re.fullmatch(r' +sed "s\|(.+?)\|\$\{PREFIX\}(/bin)\|g" "\$\{HERE\}(.+)"', command)
    assert found is not None
    template = (ROOT / found[3].lstrip("/")).read_text()
    assert sudo_rule("/opt/ship/bin") == template.replace(found[1], f"/opt/ship{found[2]}")
    assert "ship ALL=(root) NOPASSWD: /opt/ship/bin/ship, /opt/ship/bin/ship-deploy\n" in sudo_rule(
        "/opt/ship/bin"
    )


@pytest.mark.parametrize(
    "line", re.findall(r"installer::ensure_folder \"(.+?)\" (\S+) (\d+)", INSTALLER)
)
def test_folders_are_as_the_installer_makes_them(line: tuple[str, str, str]) -> None:
    path = line[0].replace("${SETTINGS}", "/etc/ship").replace("${STATE}", "/var/lib/ship")
    wanted = {each.path: each for each in server_access(Layout.vps(), SHIP, 33)}[path]
    assert (wanted.uid, wanted.gid) == OWNERS[line[1]]
    assert (wanted.mode, wanted.kind) == (int(line[2], 8), "folder")


def test_nobody_but_root_and_the_app_reads_config_vars() -> None:
    found = {
        Path(each.path).name: each
        for each in app_access(Layout.vps().app(AppName("blog")), Owner(995, 995), SHIP, 33, 3)
    }
    assert (found["config.json"].uid, found["config.json"].mode) == (0, 0o600)
    assert (found["env.json"].uid, found["env.json"].gid, found["env.json"].mode) == (0, 995, 0o640)
    assert (found["storage"].uid, found["storage"].mode) == (995, 0o700)

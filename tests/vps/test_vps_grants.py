"""Keys with grants on a real machine: sshd, the account ship that decides without root, and root
that asks once more."""

import json
import re
from typing import Any

import pytest

from receiver.model.grant import GRANTS
from tests import door
from tests.vps.laptop import Key
from tests.vps.pages import page
from tests.vps.ship_server import ShipServer, Site, install

PYTHON = "/opt/ship/bin/python"
ACCESS = "/var/lib/ship/apps/granted/access.json"
# What a refused command must have left as it was: all files but logs, locks and what runs.
DIGEST = (
    "find /etc/ship /etc/nginx /etc/systemd/system /var/lib/ship/apps/granted "
    "/var/lib/ship/repos/granted.git"
    " -type f ! -name '*.log' ! -name lock -print0 | sort -z | xargs -0 sha256sum | sha256sum"
)


@pytest.fixture(scope="module")
def granted(ship_server: ShipServer) -> Site:
    """An app that was pushed, a second one, and an ssh key for each grant, and one without any."""
    site = ship_server.site("granted")
    site.publish("granted page")
    ship_server.ship("apps:create secret-project")
    for name, grant in door.KEYS.items():
        public = ship_server.laptop.key(name).public
        options = "--admin" if grant == "admin" else f"--grant granted={grant}" if grant else ""
        ship_server.ship(f"keys:add {name} {options}", input=public + "\n")
    return site


def key(site: Site, grant: str) -> Key:
    return site.server.laptop.key(f"door-{grant}")


def test_every_command_is_let_through_by_its_grant_and_by_none_below(granted: Site) -> None:
    server = granted.server
    server.ship("apps:create doorway")  # what is let through may do to it what it likes
    for name, grant in door.KEYS.items():
        if grant not in {None, "admin"}:
            server.ship(f"access:add {name} {grant} -a doorway")
    refused = [line for line in door.lines("granted") if not line.passes]
    before = server.root(DIGEST)
    assert door.complaints(list(zip(refused, attempt(server, refused), strict=True))) == []
    assert server.root(DIGEST) == before
    passed = [line for line in door.lines("doorway") if line.passes]
    assert door.complaints(list(zip(passed, attempt(server, passed), strict=True))) == []
    server.ship("apps:destroy -a doorway --confirm doorway")


def attempt(server: ShipServer, lines: list[door.Line]) -> list[tuple[int, str]]:
    server.machine.write("/root/door.py", door.DRIVER)
    server.machine.write("/root/door.json", door.as_input(lines))
    said = server.machine.run(f"{PYTHON} -I /root/door.py </root/door.json", timeout_s=500).stdout
    return [(status, text) for status, text in json.loads(said)]


@pytest.mark.parametrize("grant", ["none", *GRANTS])
def test_git_pushes_and_clones_for_who_may_deploy(granted: Site, grant: str) -> None:
    who, allowed = key(granted, grant), grant in {"deploy", "manage", "admin"}
    granted.commit({"app.py": page(f"by {grant}")["app.py"]} if allowed else {"more.txt": grant})
    before, clone = granted.live(), str(granted.server.folder / f"clone-{grant}")
    pushed = granted.git_as(who, "push", "prod", "main", check=False)
    cloned = granted.git_as(who, "clone", "-q", "ship@vps:granted", clone, check=False)
    assert (pushed.returncode == 0, cloned.returncode == 0) == (allowed, allowed), pushed.stderr
    if allowed:
        assert granted.page() == f"by {grant}"
        return
    assert granted.live() == before
    told = "There is no app granted" if grant == "none" else "may not do this to granted"
    assert told in pushed.stderr
    assert told in cloned.stderr


def test_an_app_that_may_not_be_seen_is_not_there(granted: Site) -> None:
    server, who = granted.server, key(granted, "manage")
    for line in ("logs -a {}", "apps:info {}", "config -a {}", "apps:destroy {0} --confirm {0}"):
        unseen, unknown = (
            server.ship(line.format(app), key=who, check=False)
            for app in ("secret-project", "secret-prospect")
        )
        assert (unseen.returncode, unknown.returncode) == (20, 20)
        assert unseen.stderr.replace("secret-project", "APP") == unknown.stderr.replace(
            "secret-prospect", "APP"
        )
    unseen, unknown = (
        granted.git_as(who, "ls-remote", f"ship@vps:{app}", check=False)
        for app in ("secret-project", "secret-prospect")
    )
    assert unseen.stderr.replace("secret-project", "APP") == unknown.stderr.replace(
        "secret-prospect", "APP"
    )
    assert server.ship("apps", key=who).stdout.split()[0] == "granted"
    assert "secret-project" not in server.ship("apps", key=who).stdout


def test_who_receives_reads_grants_and_no_app_does(granted: Site) -> None:
    server = granted.server
    assert server.root(f"stat -c '%U:%G %a' {ACCESS}") == "root:ship 640"
    assert server.machine.run(("cat", ACCESS), user="ship").returncode == 0
    for path in (ACCESS, "/etc/ship/keys/laptop.json"):
        read = server.machine.run(("cat", path), user="ship-granted", check=False)
        assert "Permission denied" in read.stderr
        tried = granted.ship(f"run -- cat {path}", check=False)
        assert (tried.returncode != 0, "deploy" in tried.stdout) == (True, False)


def test_the_account_that_receives_says_for_which_key_it_acts(granted: Site) -> None:
    run = granted.server.machine.run
    plain = run(("sudo", "-n", "/opt/ship/bin/ship", "keys"), user="ship", check=False)
    assert (plain.returncode, "(access/by)" in plain.stderr) == (21, True)
    weak = (
        "sudo",
        "-n",
        "/opt/ship/bin/ship-deploy",
        "push",
        "--app",
        "granted",
        "--key",
        "door-view",
        "--ref",
        "refs/heads/main",
        "--commit",
        "0" * 40,
    )
    assert "(access/not-granted)" in run(weak, user="ship", check=False).stdout


def test_no_key_goes_by_another_name_or_out_of_its_grants(granted: Site) -> None:
    server, who = granted.server, key(granted, "view")
    for line in (
        " --by laptop config -a granted",
        "ship --by laptop config -a granted",
        " -- --by laptop keys",
        "apps --by laptop",
        "config -a granted --by laptop",
    ):
        refused = server.ship(line, key=who, check=False)
        assert (refused.returncode, refused.stdout) == (2, ""), line


def test_the_last_admin_stays_and_the_others_can_go(granted: Site) -> None:
    server = granted.server
    listed = json.loads(server.ship("keys --json").stdout)
    admins = [it["name"] for it in listed if it["everywhere"] == "admin" and it["kind"] != "token"]
    others = [name for name in admins if name != "laptop"]
    for name in others:
        server.ship(f"access:update {name} view --all-apps")
    for line in (
        "keys:remove laptop",
        "access:remove laptop --all-apps",
        "access:update laptop manage --all-apps",
    ):
        refused = server.ship(line, check=False)
        assert (refused.returncode, "(access/last-key)" in refused.stderr) == (21, True), line
    for name in others:
        server.ship(f"access:update {name} admin")
    assert server.ship("whoami").stdout.splitlines()[-1].split() == ["every", "app", "admin"]


def test_a_key_from_before_grants_is_an_admin_and_the_installer_says_so_once(granted: Site) -> None:
    server = granted.server
    server.root(
        'sed \'s/,"everywhere":"admin"//; s/door-admin/door-old/\' /etc/ship/keys/door-admin.json'
        " >/etc/ship/keys/door-old.json && chgrp ship /etc/ship/keys/door-old.json && chmod "
        "640 /etc/ship/keys/door-old.json"
    )
    assert "everywhere" not in server.root("cat /etc/ship/keys/door-old.json")
    assert "door-old" in server.root("ship --by door-old -- keys")
    told = install(server.machine).stdout
    assert "have the key door-old be an admin: it is from before keys had grants" in told
    assert "nothing was changed" in install(server.machine).stdout
    server.root("ship keys:remove door-old")


def audited(server: ShipServer, command: str, options: str) -> dict[str, Any]:
    """The newest record of a command; one that an earlier test began may have ended after it."""
    records = json.loads(server.ship(f"audit --json {options}").stdout)
    return next(record for record in records if record["command"] == command)


def test_the_audit_is_roots_and_tells_of_what_the_gate_refused(granted: Site) -> None:
    server, who = granted.server, key(granted, "view")
    granted.git_as(who, "ls-remote", "prod", check=False)
    found = audited(server, "git fetch", "-n 20")
    assert (found["key"], found["command"], found["app"]) == ("door-view", "git fetch", "granted")
    assert (found["refused"], found["reason"]) == (True, "access/not-granted")
    pattern = r"\d+\.\d+\.\d+\.\d+"
    assert re.fullmatch(pattern, found["from"]), found
    server.ship("config:set -a granted SECRET=v4lue-of-a-secret")
    granted.commit({"audited.txt": "x"})
    granted.git_as(key(granted, "deploy"), "push", "prod", "main")
    pushed, set_ = (audited(server, name, "-a granted") for name in ("git push", "config:set"))
    assert (pushed["key"], pushed["command"], pushed["status"]) == ("door-deploy", "git push", 0)
    assert (set_["command"], set_["result"].split(",")[0]) == (
        "config:set",
        "Set SECRET config var",
    )
    assert re.fullmatch(pattern, pushed["from"])
    assert (
        server.root("stat -c '%U %a' /var/lib/ship/audit /var/lib/ship/audit/000001.jsonl")
        == "root 700\nroot 600"
    )
    for user in ("ship", "ship-granted"):
        read = server.machine.run(("ls", "/var/lib/ship/audit"), user=user, check=False)
        assert "Permission denied" in read.stderr
    assert server.root("grep -c v4lue-of-a-secret -r /var/lib/ship/audit || true").endswith(":0")
    server.ship("audit:verify")
    assert "secret-project" not in server.ship("audit -n 1000", key=key(granted, "manage")).stdout


def test_a_locked_app_is_pushed_by_nobody(granted: Site) -> None:
    server = granted.server
    server.ship(
        "apps:lock -a granted -m 'The accounts are being closed.'", key=key(granted, "manage")
    )
    granted.commit({"locked.txt": "x"})
    before = granted.remote_head()
    refused = granted.git("push", "prod", "main", check=False)
    assert "main -> main (app is locked)" in refused.stderr
    assert "Locked by door-manage since" in refused.stderr
    assert granted.remote_head() == before
    server.ship("apps:unlock -a granted")
    granted.git("push", "prod", "main")

"""The way of a push on a real machine: over ssh from outside, through nginx, and back by
rollback."""

import io
import json
import select
import shlex
import shutil
import socket
import subprocess
import tarfile
from pathlib import Path

import pytest

from tests.vps.pages import PAGE, page
from tests.vps.ship_server import PROJECT, ShipServer, Site

REJECTED = "! [remote rejected] main -> main ({})"
ODD_VALUES = {
    "SPACES": "  two words  ",
    "LINES": "one\ntwo\r\n\nthree\n",
    "QUOTES": "'single' \"double\" `back`",
    "DOLLARS": "$HOME ${PATH} $(id) $$ %i %%",
    "REST": "\\n \\\\ # ; = & | < > * ~ é 漢 \t",
    "EMPTY": "",
}
BROKEN = {
    "import error": (
        {"app.py": "import missing_things\n" + PAGE},
        "check failed",
        "The app imports missing_things, which is not installed.",
    ),
    "syntax error": (
        {"app.py": PAGE + "def broken(:\n", "Procfile": "web: gunicorn app:app\n"},
        "check failed",
        "SyntaxError",
    ),
    "an error on /": (
        {"app.py": "def app(environ, start_response):\n    raise RuntimeError('on purpose')\n"},
        "check failed",
        "RuntimeError: on purpose",
    ),
    "missing package": (
        {"requirements.txt": "no-such-package-of-anybody==1\n"},
        "build failed",
        "no-such-package-of-anybody",
    ),
}


@pytest.fixture(scope="module")
def blog(ship_server: ShipServer) -> Site:
    """An app that serves; each test publishes what it needs to begin from."""
    site = ship_server.site("blog")
    site.publish("first")
    return site


def test_a_new_app_says_where_it_is_and_waits_for_code(ship_server: ShipServer) -> None:
    made = ship_server.ship("apps:create empty")
    assert made.stdout == "http://empty.example.com | ship@example.com:empty\n"
    status, text = ship_server.ask("empty.example.com")
    assert (status, "Nothing is deployed here yet" in text) == (404, True)
    again = ship_server.ship("apps:create empty", check=False)
    assert (again.returncode, again.stdout) == (22, "")
    assert "There is an app empty already." in again.stderr


def test_a_first_push_of_the_flask_example_goes_live(ship_server: ShipServer) -> None:
    site = ship_server.site("hello")
    shutil.copytree(
        PROJECT / "examples/flask-hello",
        site.folder,
        dirs_exist_ok=True,
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    site.commit({})
    pushed = site.push()
    assert pushed.status == 0, pushed.text
    assert "-----> Python app detected" in pushed.lines
    assert "GET / through nginx answered 200." in pushed.text
    assert pushed.lines[-3:-1] == ["-----> v1 is live", "       http://hello.example.com"]
    assert "certificate" in pushed.lines[-1] or "No https yet: The DNS has no" in pushed.lines[-1]
    assert "Hello" in site.page()


def test_a_push_of_code_alone_is_taken_over_in_place(blog: Site) -> None:
    blog.publish("before")
    master = blog.master()
    blog.commit(page("after"))
    pushed = blog.push()
    assert "-----> Dependencies unchanged, virtualenv reused" in pushed.lines
    assert (blog.page(), blog.master()) == ("after", master)
    assert blog.leftovers() == []


def test_changed_requirements_are_handed_over_to_the_other_slot(blog: Site) -> None:
    blog.publish("before")
    master = blog.master()
    blog.commit(page("after") | {"requirements.txt": "click\n"})
    pushed = blog.push()
    assert "takes over from slot" in pushed.text
    assert blog.page() == "after"
    assert blog.master() != master
    assert blog.leftovers() == []


@pytest.mark.parametrize("how", BROKEN)
def test_a_broken_push_is_refused_and_the_same_push_repaired_works(blog: Site, how: str) -> None:
    files, verdict, named = BROKEN[how]
    before = blog.publish(f"before {how}")
    blog.commit(files)
    refused = blog.push()
    assert refused.status == 1
    assert REJECTED.format(verdict) in refused.text
    assert named in refused.text
    assert (blog.remote_head(), blog.page()) == (before, f"before {how}")
    assert blog.leftovers() == []
    repaired = blog.publish(f"repaired {how}", {name: None for name in files if name == "Procfile"})
    assert (blog.remote_head(), blog.page()) == (repaired, f"repaired {how}")


def test_what_was_pushed_can_be_cloned_and_fetched(blog: Site, tmp_path: Path) -> None:
    pushed = blog.publish("to be cloned")
    blog.git("clone", "-q", f"ship@vps:{blog.app}", str(tmp_path / "clone"))
    at = ("-C", str(tmp_path / "clone"))
    assert blog.git(*at, "rev-parse", "HEAD").stdout.strip() == pushed
    later = blog.publish("to be fetched")
    blog.git(*at, "fetch", "-q")
    assert blog.git(*at, "rev-parse", "origin/main").stdout.strip() == later


def test_only_the_deploy_branch_deploys(blog: Site) -> None:
    blog.publish("of main")
    blog.git("branch", "-f", "feature")
    blog.git("tag", "-f", "v1")
    for what, line in (("feature", "feature:main"), ("v1", "'v1^{}:main'")):
        refused = blog.push(what)
        assert refused.status == 1
        assert "only the branch main is deployed" in refused.text
        assert f"    git push prod {line}" in refused.text
    refused = blog.push(":main")
    assert "Deleting main on the server is refused" in refused.text
    assert blog.page() == "of main"


def test_a_push_to_an_app_that_is_not_there_names_what_makes_it(
    blog: Site, ship_server: ShipServer
) -> None:
    lost = ship_server.checkout("blogg")
    lost.commit(page("lost"))
    refused = lost.push()
    assert refused.status == 128
    assert "There is no app blogg on this server." in refused.text
    assert f"Did you mean {blog.app}?" in refused.text
    assert "apps:create blogg" in refused.text


def test_the_same_commit_is_deployed_again_on_demand(blog: Site) -> None:
    commit = blog.publish("again")
    before = blog.live()
    assert blog.push("-o", "force", "main").status == 0
    assert blog.live() == before + 1
    retried = blog.ship("releases:retry")
    assert retried.stdout == f"v{before + 2}\n"
    assert json.loads(blog.ship("releases:info --json").stdout)["commit"] == commit
    assert (blog.page(), blog.leftovers()) == ("again", [])


def test_config_vars_reach_the_running_app_byte_for_byte(blog: Site) -> None:
    blog.publish("with config")
    blog.ship("config:set " + shlex.join(f"{name}={value}" for name, value in ODD_VALUES.items()))
    try:
        for name, value in ODD_VALUES.items():
            assert blog.page(f"/env/{name}") == value
            line_of_it = (value + "\n").encode()
            assert blog.ship_bytes(f"config:get {name}") == line_of_it
            assert blog.ship_bytes(f"run -- printenv {name}") == line_of_it
        assert json.loads(blog.ship("config --json").stdout) == ODD_VALUES
    finally:
        blog.ship("config:unset " + " ".join(ODD_VALUES))
    assert blog.page("/env/SPACES") == "missing"


def test_a_rollback_says_what_returns_and_serves_it(blog: Site) -> None:
    blog.publish("old page")
    old = blog.live()
    blog.publish("new page")
    blog.ship("config:set ONLY_LATER=1")
    back = blog.ship(f"rollback v{old}")
    assert back.stdout == f"v{old + 3}\n"
    assert f"Rolling back blog from v{old + 2} to v{old}" in back.stderr
    assert "Config vars that change: ONLY_LATER." in back.stderr
    assert (blog.page(), blog.page("/env/ONLY_LATER")) == ("old page", "missing")
    blog.publish("newest page")
    assert f"to v{old + 3}" in blog.ship("rollback").stderr
    assert blog.page() == "old page"
    missing = blog.ship("rollback v999", check=False)
    assert (missing.returncode, "no release v999" in missing.stderr) == (20, True)
    assert blog.leftovers() == []


def test_processes_are_stopped_started_restarted_and_scaled(blog: Site) -> None:
    blog.publish("processes")
    blog.ship("ps:stop")
    assert blog.server.ask("blog.example.com")[0] == 503
    assert "web: stopped" in blog.ship("ps").stdout
    blog.ship("ps:start")
    assert blog.page() == "processes"
    before = blog.master()
    blog.ship("ps:restart")
    assert (blog.page(), blog.master() != before) == ("processes", True)
    for wish, there in (("web=3", 3), ("web-2", 1), ("web+1", 2)):
        assert blog.ship(f"ps:scale {wish}").stdout == f"web={there}\n"
        running = json.loads(blog.ship("ps --json").stdout)["types"][0]["running"]
        assert [each["release"] for each in running] == [f"v{blog.live()}"] * there
    blog.ship("ps:scale web=0")
    assert blog.server.ask("blog.example.com")[0] == 503
    blog.ship("ps:scale web=2")
    assert blog.page() == "processes"


STUCK = """
import time
from page import app as page
def app(environ, start_response):
    if environ["PATH_INFO"] == "/stuck":
        time.sleep(600)
    return page(environ, start_response)
"""


def test_exactly_one_slot_is_left_whatever_somebody_did_to_the_others(
    ship_server: ShipServer,
) -> None:
    twins = ship_server.site("twins")
    twins.publish("one")
    ship_server.root("rm -rf /run/ship/apps/twins")
    found = ship_server.root("ship doctor -a twins", check=False)
    assert "The run folder of twins's web process is gone." in found
    twins.publish("two")
    assert _slots(twins) == ["ship-twins.web@b.service"]
    assert {twins.page() for _ in range(20)} == {"two"}

    # without a release it is started again and again, and has a process only now and then
    ship_server.root("systemctl start --no-block ship-twins.web@a.service")
    ship_server.machine.wait_until(lambda: len(_slots(twins)) > 1, "is about to be started again")
    assert "A second web process of twins runs, in slot a." in ship_server.root(
        "ship doctor -a twins", check=False
    )
    twins.publish("three")
    assert _slots(twins) == ["ship-twins.web@b.service"]
    assert {twins.page() for _ in range(20)} == {"three"}

    # it waits for a visitor, and is killed by its own server: systemd alone would know of nothing
    files = {"page.py": page("four")["app.py"], "app.py": STUCK}
    twins.publish("", {**files, "gunicorn.conf.py": "graceful_timeout = 3\n"})
    with socket.create_connection((ship_server.machine.address, 80)) as visitor:
        visitor.sendall(b"GET /stuck HTTP/1.0\r\nHost: twins.example.com\r\n\r\n")
        assert not select.select([visitor], [], [], 1)[0]
        restarted = twins.ship("ps:restart").stderr.splitlines()
    assert f" !     web of v{twins.live()} has not ended yet; after 35 s it is killed." in restarted
    assert f" !     web of v{twins.live()} did not end in time, and was killed." in restarted
    assert len(_slots(twins)) == 1
    assert "ship-twins" not in ship_server.root("systemctl --failed --plain --no-legend")


def _slots(site: Site) -> list[str]:
    """The slots of an app that PID 1 has not at rest."""
    names = f"'ship-{site.app}.web@*' 'ship-{site.app}.port@*'"
    listed = site.server.root(f"systemctl list-units --all --plain --no-legend {names}")
    rows = [line.split() for line in listed.splitlines()]
    return [row[0] for row in rows if row[2] not in {"inactive", "failed"}]


def test_a_command_is_run_with_its_streams_its_status_and_a_terminal(blog: Site) -> None:
    blog.publish("to run in")
    ended = blog.ship("run -- sh -c 'echo out; echo err >&2; exit 7'", check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (7, "out\n", "err\n")
    missing = blog.ship("run -- nosuch", check=False)
    assert (missing.returncode, missing.stderr) == (127, "ship: there is no program nosuch here.\n")
    every_byte = bytes(range(256)) * 300
    assert blog.ship_bytes("run -- cat", every_byte) == every_byte
    plain = blog.ship("run -- tty", check=False)
    assert (plain.returncode, plain.stdout) == (1, "not a tty\n")
    typed = (*blog.server.laptop.ssh_argv(), "-tt", "ship@vps", "run -a blog -- tty")
    terminal = subprocess.run(typed, input=b"", capture_output=True, check=False, timeout=60)
    assert (terminal.returncode, terminal.stdout[:9]) == (0, b"/dev/pts/")
    assert blog.leftovers() == []


def test_logs_and_releases_tell_what_happened(blog: Site) -> None:
    commit = blog.publish("logged")
    blog.ship("ps:restart")
    assert "Booting worker" in blog.ship("logs -n 20 -p web").stdout
    assert len(blog.ship("logs -n 2").stdout.splitlines()) == 2
    latest = json.loads(blog.ship("releases --json").stdout)[0]
    assert (latest["version"], latest["by"]) == (blog.live(), "laptop")
    assert latest["description"] == f"Deploy {commit[:7]}"
    shown = blog.ship("releases:output").stdout
    assert "-----> Python app detected" in shown
    assert f"-----> v{blog.live()} is live" in shown


def test_a_second_key_is_let_in_and_out_over_ssh(blog: Site, ship_server: ShipServer) -> None:
    blog.publish("of the first key")
    second = ship_server.laptop.key("second")
    assert blog.git_as(second, "ls-remote", "prod", check=False).returncode == 128
    ship_server.ship("keys:add second --admin", input=second.public + "\n")
    assert "second" in ship_server.ship("keys").stdout
    blog.commit(page("of the second key"))
    blog.git_as(second, "push", "prod", "main")
    assert json.loads(blog.ship("releases --json").stdout)[0]["by"] == "second"
    ship_server.ship("keys:remove second")
    refused = ship_server.ship("apps", key=second, check=False)
    assert (refused.returncode, "Permission denied" in refused.stderr) == (255, True)
    assert blog.page() == "of the second key"


def test_nothing_is_left_of_a_destroyed_app(ship_server: ShipServer) -> None:
    # the name of a neighbour begins with the name of the app: it must stay as it is
    neighbour = ship_server.site("gone-too")
    neighbour.publish("neighbour")
    before = _everything(ship_server)
    site = ship_server.site("gone")
    site.publish("soon gone")
    site.ship("config:set SECRET=1")
    assert set(_everything(ship_server)) > set(before)
    unsure = ship_server.ship("apps:destroy gone", check=False)
    assert (unsure.returncode, "--confirm gone" in unsure.stderr) == (2, True)
    assert site.page() == "soon gone"
    ship_server.ship("apps:destroy gone --confirm gone")
    assert _everything(ship_server) == before
    assert ship_server.ask("gone.example.com")[0] == 404
    assert neighbour.page() == "neighbour"


def _everything(server: ShipServer) -> list[str]:
    """Accounts, units, sites, files and sockets of all apps; a pass over all certificates may be
    at work.
    """
    script = (
        "cut -d: -f1 /etc/passwd /etc/group; systemctl list-units --all --plain --no-legend "
        "'ship*' | cut -d' ' -f1;"
        "find /etc/systemd/system /etc/nginx /var/lib/ship/repos /run/ship /etc/ship;"
        "find /var/lib/ship -path /var/lib/ship/repos -prune -o -maxdepth 3 ! -name asked -print;"
        "ss -Hltn | awk '{print $4}'"
    )
    return sorted(server.root(script).splitlines())


def test_an_archive_is_deployed_by_the_account_that_receives_and_makes_its_app(
    ship_server: ShipServer,
) -> None:
    """Only root can make an app and deploy; who reads the archive is neither."""
    settings = "/etc/ship/ship.toml"
    ship_server.root(f"cp {settings} /root/ship.toml.kept")
    ship_server.root(f"printf 'create_on_push = true\\n' >> {settings}")
    site = ship_server.checkout("sent")
    try:
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w:gz") as tar:
            for name, text in page("sent").items():
                info = tarfile.TarInfo(f"sent-1.0/{name}")
                info.size = len(text)
                tar.addfile(info, io.BytesIO(text.encode()))
        site.ship_bytes("git:from-archive", packed.getvalue())
    finally:
        ship_server.root(f"mv /root/ship.toml.kept {settings}")
    assert site.page() == "sent"
    assert site.leftovers() == []
    owners = ship_server.root("stat -c %U /var/lib/ship/repos/sent.git/objects/pack/*.pack")
    assert set(owners.split()) == {"ship"}

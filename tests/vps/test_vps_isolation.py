"""Two apps that came by ssh: what one of them, running or building, can do to the other and to
ship."""

import json
import shlex
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.vps.ship_server import APPS, ShipServer, Site

PROBE = (Path(__file__).parent / "isolation_probe.py").read_text()
SETUP = f"""
import json, os, sys
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import probing
from setuptools import setup

with open("{APPS}/spy/cache/seen.json", "w") as seen:
    json.dump(probing.probe(*json.loads(os.environ["PROBE"])), seen)
setup(name="probe", version="1", py_modules=[])
"""
OPENS = """
import json, os, sys
def opens(path):
    try:
        os.close(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW))
    except OSError:
        return False
    return True
print(json.dumps([path for path in json.load(sys.stdin) if opens(path)]))
"""
WATCH = """
import json, os, time
found, end = {}, time.monotonic() + 60
while time.monotonic() < end and not os.path.exists("/tmp/enough"):
    time.sleep(0.002)
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.stat(f"/proc/{pid}").st_uid != os.getuid() or int(pid) == os.getpid():
                continue
            name = open(f"/proc/{pid}/comm").read().strip()
            seen = os.listdir(f"/proc/{pid}/root/run/ship/apps")
            found[name] = "entered" if seen != ["victim"] else found.get(name, "sandbox")
        except PermissionError:
            found[name] = found.get(name, "refused")
        except OSError:
            pass
print(json.dumps(found))
"""
# As an older ship left them.
OPEN = f"""
cd {APPS}/victim
chmod 755 venvs venvs/*/ logs releases/*/public
chmod 644 app.toml live.json releases/*/* /etc/nginx/sites-available/ship-victim.conf 2>/dev/null
chmod 755 releases/*/source releases/*/public
chown -R ship-victim:ship-victim releases/*/public
chmod -R a+rX releases/*/public
"""
OWN = {"own secret": "of-the-spy", "own journal": "allowed: 'sent'"}
CLOSED = ("venvs/probe", "slots/a", "live.json", "app.toml", "builds/probe", "incoming/probe")


@pytest.fixture(scope="module")
def victim(ship_server: ShipServer) -> Site:
    """The app that is to be spied on, with something in each place."""
    site = ship_server.site("victim")
    site.ship("config:set SECRET=of-the-victim")
    files = {"ship.toml": "[static]\n'/static/' = 'static'\n", "static/deep/a.css": "all: unset"}
    site.publish("victim", files)
    site.ship(f"run -- sh -c 'echo precious > {APPS}/victim/storage/file'")
    site.ship("ps:scale web=2")
    site.ship("storage:mount /srv-victim/media")
    return site


@pytest.fixture(scope="module")
def spy(ship_server: ShipServer, victim: Site) -> Site:
    """The app that tries, while its first push is built and afterwards in its page."""
    site = ship_server.site("spy")
    closed = [f"{APPS}/spy/{name}" for name in CLOSED]
    tried = json.dumps(["spy", "victim", victim.master(), closed])
    site.ship(f"config:set SECRET=of-the-spy 'PROBE={tried}'")
    site.commit(
        {
            "app.py": PROBE,
            "probe/probing.py": PROBE,
            "probe/setup.py": SETUP,
            "requirements.txt": "./probe\n",
            "Procfile": "web: gunicorn app:app\n",
        }
    )
    pushed = site.push()
    assert pushed.status == 0, pushed.text
    return site


def test_a_running_app_reaches_nothing_of_another(spy: Site, victim: Site) -> None:
    assert _reached(spy.page()) == OWN
    assert victim.page("/env/SECRET") == "of-the-victim"


def test_an_app_that_is_built_reaches_nothing_of_another(spy: Site) -> None:
    seen = spy.server.root(f"cat {APPS}/spy/cache/seen.json")
    assert _reached(seen) | OWN == OWN  # at its first build it has no journal yet
    assert "forged" not in spy.server.root("journalctl --quiet --output=cat --since=-1h")
    assert spy.ship("logs --quiet").stdout.count("forged by the spy") >= 1


def test_a_running_app_writes_its_source_its_storage_and_its_own_tmp_alone(spy: Site) -> None:
    home = f"{APPS}/spy"
    places = f"$PWD {home}/storage /tmp {home} {home}/venvs {home}/cache /var/tmp /etc"
    script = f"for place in {places}; do touch $place/x 2>/dev/null && echo $place; done; true"
    written = spy.ship(f"run -- sh -c {shlex.quote(script)}").stdout.split()
    source = f"{APPS}/spy/releases/v{spy.live()}/source"
    assert written == [source, f"{home}/storage", "/tmp", "/var/tmp"]
    assert not (spy.server.root("ls /tmp/x /var/tmp/x 2>/dev/null || true"))


def test_of_run_an_app_sees_its_own_and_what_services_open(victim: Site) -> None:
    """A folder that a service makes anew while a slot runs is seen by it, too."""
    root = victim.server.root
    root("mkdir -p /run/some-db /run/systemd/resolve")
    try:
        root("touch /run/some-db/socket; echo nameserver ::1 >/run/systemd/resolve/resolv.conf")
        enter = f"nsenter --mount --target {victim.master()} ls"
        assert root(f"{enter} /run/some-db") == "socket"
        assert root(f"{enter} /run/systemd").split() == ["incoming", "journal", "notify"]
        assert root(f"{enter} /run/ship/apps") == "victim"
        said = victim.ship("run -- cat /run/systemd/resolve/resolv.conf").stdout
        assert said.strip() == "nameserver ::1"
    finally:
        root("rm -r /run/some-db /run/systemd/resolve")


@pytest.mark.usefixtures("spy")
@pytest.mark.parametrize("who", ["nobody", "ship-spy"])
def test_another_account_opens_no_file_of_an_app(victim: Site, who: str) -> None:
    assert _opened(victim, who) == []
    assert victim.page("/static/deep/a.css") == "all: unset"


DEEP = """
import os, pathlib, pwd
owner = pwd.getpwnam("ship-victim").pw_uid
os.chdir(next(pathlib.Path("/var/lib/ship/apps/victim/releases").glob("v*/public")))
for _ in range(1500):
    os.mkdir("d", 0o755)
    os.chown("d", owner, -1)
    os.chdir("d")
pathlib.Path("open.txt").write_text("deep")
os.chown("open.txt", owner, -1)
os.chmod("open.txt", 0o644)
"""


def test_an_upgrade_closes_what_an_older_ship_left_open(victim: Site) -> None:
    victim.server.root(("python3", "-c", DEEP))
    victim.server.root(OPEN)
    assert len(_opened(victim, "nobody")) > 10
    told = victim.server.root("ship server:install")
    assert told == "close the files of victim to other accounts"
    assert _opened(victim, "nobody") == []
    assert victim.server.root("ship server:install") == ""
    victim.ship("maintenance:on --message closed")
    assert _opened(victim, "nobody") == []
    status, text = victim.server.ask("victim.example.com")
    assert (status, "closed" in text) == (503, True)
    victim.ship("maintenance:off")
    assert victim.page("/static/deep/a.css") == "all: unset"
    assert victim.page() == "victim"


def test_no_process_of_an_app_outside_of_its_sandbox_lets_it_out(victim: Site) -> None:
    """Tried, by a process that sees all of the account, while files are unpacked, and storage is
    counted, copied and mounted."""
    many = {f"data/{number}.txt": "x" * 2000 for number in range(500)}
    machine = victim.server.machine
    with ThreadPoolExecutor(1) as pool:
        watch = pool.submit(machine.run, ("python3", "-c", WATCH), user="ship-victim")
        try:
            victim.publish("victim", many)
            victim.ship("run -- sh -c 'cp -r data $SHIP_STORAGE/'")
            victim.ship("storage --json")
            victim.server.ship("apps:clone victim victim-two --storage --skip-deploy")
            victim.ship("storage:mount media")
        finally:
            victim.server.root("touch /tmp/enough")
            found = json.loads(watch.result().stdout)
            victim.server.root("rm /tmp/enough")
    victim.server.ship("apps:destroy victim-two --confirm victim-two")
    assert found.pop("tar") == "refused"
    assert "sandbox" in found.values()
    assert "entered" not in found.values(), found


def test_an_app_has_no_io_uring_and_leaves_no_core_file_until_a_setting_says_so(spy: Site) -> None:
    ring = "ctypes.CDLL(None).syscall(425, 1, ctypes.create_string_buffer(120))"
    asked = f"import ctypes, resource; print({ring}, resource.getrlimit(resource.RLIMIT_CORE))"
    command = shlex.join(("run", "--", "python3", "-c", asked))
    assert spy.ship(command).stdout == "-1 (0, 0)\n"
    settings = f"{APPS}/spy/app.toml"
    before = spy.server.machine.read(settings)
    opened = before.replace("io_uring = false", "io_uring = true")
    spy.server.machine.write(settings, opened.replace("core_files = false", "core_files = true"))
    try:
        ring, _, core = spy.ship(command).stdout.partition(" ")
        assert (int(ring) >= 0, core != "(0, 0)\n") == (True, True)
    finally:
        spy.server.machine.write(settings, before)


def test_systemd_finds_little_that_a_slot_is_exposed_to(victim: Site) -> None:
    for letter in "ab":
        unit = f"ship-victim.web@{letter}.service"
        victim.server.root(("systemd-analyze", "security", "--no-pager", "--threshold=20", unit))


def _opened(site: Site, who: str) -> list[str]:
    """What of a site's files an account can open: all that root finds are tried."""
    places = f"{APPS}/{site.app} /run/ship/apps/{site.app}/* /etc/nginx/sites-available/ship-*"
    paths = site.server.root(f"find {places} ! -type l -a ! -type s").splitlines()
    assert len(paths) > 100
    given = json.dumps(paths)
    done = site.server.machine.run(("python3", "-c", OPENS), user=who, input=given)
    return list(json.loads(done.stdout))


def _reached(results: str) -> dict[str, str]:
    """What was not refused."""
    return {what: came for what, came in json.loads(results).items() if came != "refused"}

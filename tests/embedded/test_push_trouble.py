"""What happens around a push: others push, people hang up, processes die, disks fill, nginx is
broken by hand."""

import os
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest

from receiver.apps import lifecycle as apps
from receiver.deploy import detached
from receiver.machine import git, shell, sockets
from receiver.model.errors import ServerError
from receiver.model.names import AppName
from receiver.server import open_server
from receiver.setup import embedded
from receiver.state import records
from tests.checkout import Checkout, Pushed
from tests.embedded.embedded_server import (
    EmbeddedServer,
    embedded_server,
    own_name,
    short_folder,
    wait_until,
)
from tests.embedded.keyboard import Typed
from tests.embedded.pushing import SERVE, wsgi
from tests.needs import missing, require_program, require_root
from tests.ports import free_port

pytestmark = pytest.mark.embedded

WAITS = 'echo waiting; until [ -e "$SHIP_STORAGE/go" ]; do sleep 0.05; done'
BACKEND = """
import pathlib, time

def build_wheel(directory, config_settings=None, metadata_directory=None):
    print("waiting", flush=True)
    pathlib.Path("{begun}").touch()
    while not pathlib.Path("{go}").exists():
        time.sleep(0.05)
    raise SystemExit("This is not what the test is about.")
"""
SLOW_PROJECT = (
    "[build-system]\nrequires = []\nbuild-backend = 'backend'\nbackend-path = ['.']\n"
    "[project]\nname = 'slow'\nversion = '1'\n"
)
_MIB = 1024 * 1024


def serve(text: str, release: str = "") -> dict[str, str]:
    """An app without virtualenv; `release` is the command of its release phase."""
    phase = f"release: {release}\n" if release else ""
    return {"Procfile": f"web: python3 serve\n{phase}", "serve": SERVE.replace("{text}", text)}


@dataclass(frozen=True)
class Site:
    """An app that is live with the page `old`."""

    server: EmbeddedServer
    app: AppName
    laptop: Checkout

    def ask(self) -> tuple[int, str]:
        return self.server.ask(self.app)

    @property
    def tip(self) -> str | None:
        return git.resolve_commit(self.server.layout.repo(self.app), "main")

    def go(self) -> None:
        """Let the release phase that waits come to its end."""
        (self.server.paths(self.app).storage / "go").touch()

    def log(self) -> str:
        """The transcript of the newest build."""
        paths = self.server.paths(self.app)
        return records.build_log(paths, records.build_numbers(paths)[-1]).read_text()

    def state(self) -> tuple[object, ...]:
        """All that a push which came to nothing must leave as it was."""
        return (
            self.ask(),
            self.tip,
            self.server.live(self.app),
            self.server.leftovers(self.app),
            records.release_versions(self.server.paths(self.app)),
        )


@contextmanager
def impostor(port: int) -> Iterator[None]:
    """Somebody else's program on a port: it answers everybody with 200."""
    code = SERVE.replace("{text}", "give me your cookies")
    environment = {"PATH": os.environ["PATH"], "PORT": str(port)}
    with subprocess.Popen(("python3", "-c", code), env=environment) as program:
        try:
            wait_until(lambda: sockets.is_listened_on(port))
            yield
        finally:
            program.kill()


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedServer]:
    with embedded_server() as found:
        yield found


@pytest.fixture
def site(server: EmbeddedServer, request: pytest.FixtureRequest) -> Iterator[Site]:
    made = live_site(server, own_name(request), serve("old"))
    yield made
    made.go()
    apps.destroy(server.server, made.app)


def live_site(server: EmbeddedServer, name: str, files: dict[str, str]) -> Site:
    site = Site(server, server.create(name), server.checkout(name))
    site.laptop.commit(files)
    pushed = site.laptop.push()
    assert pushed.status == 0, pushed.text
    return site


@contextmanager
def pushing(laptop: Checkout, *argv: str) -> Iterator[subprocess.Popen[str]]:
    """A push under way, ended with its whole group whatever happens."""
    client = laptop.start_push(*argv)
    try:
        yield client
    finally:
        hang_up(client)


def hang_up(client: subprocess.Popen[str]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(client.pid, signal.SIGKILL)
    client.wait()
    if client.stdout is not None:
        client.stdout.close()


def ended(client: subprocess.Popen[str]) -> Pushed:
    said, _ = client.communicate(timeout=60)
    return Pushed(client.returncode, said)


def test_of_two_pushes_at_once_the_second_waits_and_names_the_first(site: Site) -> None:
    other = site.server.checkout(site.app, place="other")
    first = site.laptop.commit(serve("one", WAITS))
    second = other.commit(serve("two"))
    with pushing(site.laptop) as one:
        wait_until(lambda: "waiting" in site.log())
        with pushing(other, "+main") as two:
            wait_until(lambda: "Waiting for the" in site.log())
            assert f"deploy of {first[:7]} by laptop (process" in site.log()
            assert site.ask() == (200, "old")
            site.go()
            done = ended(one)
            assert done.status == 0, done.text
            done = ended(two)
            assert done.status == 0, done.text
    assert site.ask() == (200, "two")
    assert site.tip == second
    assert site.server.leftovers(site.app) == []


def test_of_two_pushes_at_once_each_has_its_own_verdict(site: Site) -> None:
    other = site.server.checkout(site.app, place="other")
    site.laptop.commit(serve("one", f"{WAITS}; exit 5"))
    second = other.commit(serve("two"))
    with pushing(site.laptop) as one:
        wait_until(lambda: "waiting" in site.log())
        with pushing(other, "+main") as two:
            wait_until(lambda: "Waiting for the" in site.log())
            site.go()
            failed, worked = ended(one), ended(two)
    assert "main -> main (release phase failed)" in failed.text
    assert failed.status == 1
    assert worked.status == 0, worked.text
    assert site.ask() == (200, "two")
    assert site.tip == second


@pytest.mark.parametrize(
    "web",
    [
        "web: python3 serve\n",  # it ends, because the port is taken
        "web: python3 serve || exec sleep 1000\n",
        "web: exec env PORT=$((PORT - 1)) python3 serve || true; exec sleep 1000\n",
    ],
    ids=["ends", "waits", "listens elsewhere"],
)
def test_an_answer_by_a_process_that_is_not_the_apps_is_none(site: Site, web: str) -> None:
    before = site.state()
    site.laptop.commit({**serve("new"), "Procfile": web})
    slot = records.read_live(site.server.paths(site.app)).slot  # type: ignore[union-attr] # it is live
    port = records.read_app(site.server.paths(site.app)).own_port("b" if slot == "a" else "a")
    with impostor(port):
        pushed = site.laptop.push()
        assert pushed.status != 0, pushed.text
        assert "answered 200" not in pushed.text
        assert f"Port {port}, which the app {site.app} needs, is in use." in pushed.text
        assert "python3 (process" in pushed.text
    assert site.state() == before


def test_a_server_in_a_session_of_its_own_is_the_apps(site: Site) -> None:
    site.laptop.commit({**serve("apart"), "Procfile": "web: setsid python3 serve & wait\n"})
    pushed = site.laptop.push()
    assert pushed.status == 0, pushed.text
    assert site.ask() == (200, "apart")


def test_a_client_that_hangs_up_does_not_stop_the_deploy(site: Site) -> None:
    commit = site.laptop.commit(serve("new", WAITS))
    with pushing(site.laptop) as client:
        wait_until(lambda: "waiting" in site.log())
        hang_up(client)
    assert site.ask() == (200, "old")
    site.go()
    wait_until(lambda: site.server.live(site.app) == 2, 20)
    wait_until(lambda: site.server.leftovers(site.app) == [])
    assert site.ask() == (200, "new")
    assert site.tip == commit
    wait_until(lambda: "v2 is live" in site.log())  # the last it says, after all this


def test_a_cancelled_build_is_undone(site: Site) -> None:
    before = site.state()
    site.laptop.commit(serve("new", WAITS))
    with pushing(site.laptop) as client:
        wait_until(lambda: "waiting" in site.log())
        build = detached.cancel(site.server.server, site.app)
        done = ended(client)
    assert build is not None
    assert done.status == 1
    assert "main -> main (build cancelled)" in done.text
    assert "(cancelled/build)" in done.text
    assert site.state() == before
    assert before[0] == (200, "old")
    assert detached.cancel(site.server.server, site.app) is None


def test_a_deploy_that_is_killed_in_its_install_is_undone_by_the_next_push(site: Site) -> None:
    begun, go = site.server.folder / "begun", site.server.folder / "never"
    before = site.state()
    backend = BACKEND.replace("{begun}", str(begun)).replace("{go}", str(go))
    slow = {"slow/pyproject.toml": SLOW_PROJECT, "slow/backend.py": backend}
    site.laptop.commit({**serve("new"), **slow, "requirements.txt": "./slow\n"})
    with pushing(site.laptop) as client:
        wait_until(begun.exists, 20)
        paths = site.server.paths(site.app)
        build = records.read_build(paths, records.build_numbers(paths)[-1])
        assert build is not None
        os.kill(build.pid, signal.SIGKILL)
        done = ended(client)
    assert done.status == 1
    assert "The process that did this was killed." in done.text
    assert site.ask() == (200, "old")
    assert site.tip == before[1]
    site.laptop.commit({**serve("newer"), "requirements.txt": None, **dict.fromkeys(slow)})
    pushed = site.laptop.push()
    assert pushed.status == 0, pushed.text
    assert site.ask() == (200, "newer")
    assert site.server.leftovers(site.app) == []
    assert list((paths.run / "jobs").iterdir()) == []
    interrupted = records.read_build(paths, build.number)
    assert interrupted is not None
    assert interrupted.reason == "build/interrupted"


def test_config_vars_are_hidden_in_what_a_push_says(site: Site) -> None:
    site.server.configure(site.app, DATABASE_PASSWORD="hunter2-correct-horse")
    site.laptop.commit(serve("new", 'echo "connecting with $DATABASE_PASSWORD"; exit 1'))
    pushed = site.laptop.push()
    assert "connecting with [hidden]" in pushed.text
    site.laptop.commit(serve("new", 'echo "connecting with $DATABASE_PASSWORD"'))
    assert site.laptop.push().status == 0
    for log in site.server.root.rglob("*.log"):
        assert b"hunter2" not in log.read_bytes(), log


def test_a_range_of_ports_that_is_used_up_is_told(server: EmbeddedServer) -> None:
    layout = server.layout
    before = records.read_server(layout)
    port = free_port()
    records.write_toml(
        layout.server_settings, msgspec.structs.replace(before, first_port=port, last_port=port)
    )
    try:
        with pytest.raises(ServerError) as caught:
            apps.create(open_server(server.root), AppName("full"))
    finally:
        records.write_toml(layout.server_settings, before)
    assert caught.value.reason == "server/no-free-port"
    assert str(port) in caught.value.title
    assert not layout.app(AppName("full")).home.exists()
    assert not layout.repo(AppName("full")).exists()


@pytest.fixture(scope="module")
def blog(server: EmbeddedServer) -> Site:
    """An app of gunicorn's, whose code can change without a change of nginx's files."""
    return live_site(server, "blog", wsgi("old"))


def add_static_folder(site: Site) -> Pushed:
    """Push a change that nginx's file of the app has to follow."""
    site.laptop.commit({"ship.toml": "[static]\n'/static/' = 'assets'\n", "assets/a": "a"})
    return site.laptop.push()


@pytest.mark.parametrize("broken", ["nginx.conf", "sites-available/ship-other.conf"])
def test_an_nginx_file_broken_by_hand_stops_only_what_needs_a_reload(
    blog: Site, broken: str
) -> None:
    server = blog.server
    if not server.layout.app(AppName("other")).home.exists():
        server.create("other")
    blog.laptop.git("rm", "-q", "-f", "--ignore-unmatch", "ship.toml")
    blog.laptop.commit(wsgi("old"))
    pushed = blog.laptop.push()
    assert pushed.status == 0, pushed.text
    before = blog.state()
    file = server.root / "nginx" / broken
    text = file.read_text()
    file.write_text(text + "no_such_directive on;\n")
    try:
        refused = add_static_folder(blog)
        assert refused.status == 1
        assert "main -> main (server error)" in refused.text, refused.text
        assert "(server/nginx-broken-elsewhere)" in refused.text
        assert f"{file.name}, line" in refused.text
        assert 'unknown directive "no_such_directive"' in refused.text
        assert blog.state() == before
        blog.laptop.git("reset", "-q", "--hard", "HEAD~1")
        blog.laptop.commit(wsgi("code only"))
        pushed = blog.laptop.push()
        assert pushed.status == 0, pushed.text
        assert blog.ask() == (200, "code only")
    finally:
        file.write_text(text)
    assert add_static_folder(blog).status == 0
    assert server.ask(blog.app, "/static/a") == (200, "a")


def test_a_server_that_goes_down_in_mid_push_comes_back_with_the_old_release() -> None:
    with embedded_server() as server:
        site = live_site(server, "blog", serve("old"))
        before = site.state()
        site.laptop.commit(serve("new", WAITS))
        with pushing(site.laptop) as client:
            wait_until(lambda: "waiting" in site.log())
            embedded.stop(server.root)
            done = ended(client)
        assert done.status != 0
        assert "v2 is live" not in done.text
        assert site.ask()[0] == 0
        server.start()
        assert site.state() == before
        assert before[0] == (200, "old")
        site.go()
        again = site.laptop.push()
        assert again.status == 0, again.text
        assert site.ask() == (200, "new")


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A file system of a few megabytes."""
    require_root()
    for program in ("mkfs.ext4", "mount", "umount"):
        require_program(program)
    with short_folder() as folder:
        image, place = folder / "image", folder / "disk"
        place.mkdir()
        with image.open("wb") as handle:
            handle.truncate(64 * _MIB)
        run("mkfs.ext4", "-q", "-m", "0", str(image))
        mounted = run("mount", "-o", "loop", str(image), str(place), check=False)
        if mounted.returncode:
            missing(f"no file system can be mounted here: {mounted.stderr.strip()}")
        try:
            yield place
        finally:
            run("umount", "-l", str(place))


def run(*argv: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    return subprocess.run(argv, capture_output=True, text=True, check=check, timeout=60)


@pytest.mark.parametrize("left_bytes", [_MIB, 0], ids=["almost-full", "full"])
def test_a_full_disk_stops_the_push_and_nothing_else(small_disk: Path, left_bytes: int) -> None:
    with embedded_server(small_disk / "the root") as server:
        site = live_site(server, "blog", serve("old"))
        before = site.state()
        site.laptop.commit({**wsgi("new"), "Procfile": None, "serve": None})
        with ballast(small_disk, left_bytes):
            pushed = site.laptop.push()
            assert pushed.status == 1, pushed.text
            assert "remote rejected" in pushed.text or "unpack failed" in pushed.text
            if left_bytes:
                assert "main -> main (build failed)" in pushed.text, pushed.text
                assert "(build/disk-full)" in pushed.text, pushed.text
            else:
                assert "(build/disk-full)" in pushed.text, pushed.text
                told = {words: _of_full_disk(server.ship(*words)) for words in ON_A_FULL_DISK}
                assert {words: said for words, said in told.items() if said} == {}
            assert "Ship failed" not in pushed.text
            assert site.ask() == (200, "old")
        assert site.state() == before
        again = site.laptop.push()
        assert again.status == 0, again.text
        assert site.ask() == (200, "new")


ON_A_FULL_DISK = (
    ("config:set", "A=b", "-a", "blog"),
    ("apps:create", "other"),
    ("apps:rename", "other", "-a", "blog"),
    ("ps:scale", "web=2", "-a", "blog"),
    ("ps:restart", "-a", "blog"),
    ("releases:retry", "-a", "blog"),
    ("rollback", "v1", "-a", "blog"),
    ("run", "-a", "blog", "--", "true"),
    ("checks:set", "--path", "/", "-a", "blog"),
    ("lock", "-a", "blog"),
    ("maintenance:on", "-a", "blog"),
    ("access:add", "laptop", "deploy", "-a", "blog"),
    ("limits:set", "memory=100M", "-a", "blog"),
    ("storage:mount", "x", "-a", "blog"),
    ("drains:add", "http://127.0.0.1:9", "-a", "blog"),
    ("logs", "-a", "blog"),
    ("ps", "-a", "blog"),
    ("releases", "-a", "blog"),
    ("doctor", "-a", "blog"),
)


def _of_full_disk(typed: Typed) -> str:
    """What is wrong with how a command told of a full disk; one may also work, or refuse for
    another reason that it has at all times.
    """
    said = typed.out + typed.err
    known = re.search(r"\((usage|not-found|server/no-limits|server/no-accounts)[a-z/-]*\)", said)
    good = typed.status in {0, 12} or "(build/disk-full)" in said or known
    return "" if good and "Traceback" not in said else said


@contextmanager
def ballast(disk: Path, left_bytes: int) -> Iterator[None]:
    """The disk is full but for so much."""
    place = os.statvfs(disk)
    weight = disk / "ballast"
    with weight.open("wb", buffering=0) as handle, suppress(OSError):
        for _ in range((place.f_bavail * place.f_frsize - left_bytes) // 4096):
            handle.write(b"x" * 4096)
        while not left_bytes:
            handle.write(b"x" * 4096)
    try:
        yield
    finally:
        weight.unlink()
        os.sync()  # ext4 gives blocks out again only when their removal is on disk


def test_without_nginx_no_server_is_made_and_the_package_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(shell, "ADMIN_PATH", "/nowhere/either")
    with short_folder() as folder, pytest.raises(ServerError) as caught:
        embedded.create(folder / "root", "ship.test", free_port())
    assert caught.value.reason == "server/nginx-missing"
    assert "apt-get install nginx-light" in caught.value.advice

"""apps:clone: what a clone has of its original, what it has not, and that a failure or a kill
leaves nothing of it."""

import json
import os
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from msgspec.structs import replace

from receiver.access import grants as access
from receiver.access import keys
from receiver.apps import clone_notes
from receiver.apps import lifecycle as apps
from receiver.changes import change as app_change
from receiver.machine import git
from receiver.model.errors import ServerError
from receiver.model.names import AppName
from receiver.state import records
from tests.checkout import Checkout
from tests.embedded.embedded_server import NOW, EmbeddedServer, wait_until
from tests.embedded.keyboard import Typed
from tests.embedded.pushing import wsgi
from tests.embedded.transcript import assert_as_recorded, masked

pytestmark = pytest.mark.embedded

CRON = '[cron.nightly]\nschedule = "0 3 * * *"\ncommand = "true"\n'


@dataclass(frozen=True)
class Original:
    """The app `blog`, with some of everything; a gate that its release phase passes only while
    it is open."""

    server: EmbeddedServer
    laptop: Checkout
    gate: Path

    def ship(self, *words: str) -> Typed:
        return self.server.ship(*words)

    def start_clone(self, name: str) -> "subprocess.Popen[bytes]":
        """Clone to `name` in the background, up to the release phase; returns the process that
        was typed."""
        self.gate.unlink(missing_ok=True)
        self.gate.with_suffix(".reached").unlink(missing_ok=True)
        root = self.server.root
        process = subprocess.Popen(
            (*Typed.argv(), "apps:clone", "blog", name),
            env=Typed.environment(root),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        wait_until(lambda: self.gate.with_suffix(".reached").exists(), limit_s=60)
        return process

    def builder(self, name: str) -> int:
        """The process that builds a clone."""
        build = records.read_build(self.server.paths(name), 1)
        assert build is not None
        return build.pid

    def traces(self, name: str) -> list[str]:
        """What there is of an app anywhere below the server's folder, logs of the server apart."""
        root = self.server.root
        found = [path for path in root.rglob(f"*{name}*") if "program-logs" not in path.parts]
        return sorted(str(path.relative_to(root)) for path in found if path.exists())


@pytest.fixture(scope="module")
def blog(server: EmbeddedServer) -> Original:
    app, gate = server.create("blog"), server.folder / "gate"
    gate.touch()
    laptop = server.checkout("blog")
    waits = f"touch {gate}.reached; until [ -e {gate} ]; do sleep 0.05; done; rm -f {gate}.reached"
    tree = {
        **wsgi("first"),
        "ship.toml": CRON,
        "Procfile": (
            f"web: gunicorn app:app\nworker: sleep 1000\nrelease: {waits}; ${{REFUSES:-true}}\n"
        ),
        "app.json": json.dumps({"scripts": {"postdeploy": "echo filled >>$SHIP_STORAGE/filled"}}),
    }
    laptop.commit(tree)
    assert laptop.push().status == 0
    laptop.commit(wsgi("second"))
    assert laptop.push().status == 0
    server.configure(
        app,
        GREETING="hi",
        SECRET="x y",
        SITE_URL="http://blog.ship.test/",
        SENDER="me@blog.ship.test",
    )
    server.rollback(app, 1)
    server.configure(
        app,
        GREETING="hi",
        SECRET="x y",
        SITE_URL="http://blog.ship.test/",
        SENDER="me@blog.ship.test",
    )
    paths = server.paths("blog")
    app_change.configure(
        server.server,
        app,
        lambda it: type(it)(
            **{
                **{n: getattr(it, n) for n in it.__struct_fields__},
                "check": {"path": "/echo"},
                "domains": ("www.example.org",),
            }
        ),
        "test",
    )
    keys.add_token(server.layout, "ci", NOW)
    keys.grant_app(server.layout, "ci", app, "deploy")
    (paths.storage / "picture").write_text("kept")
    return Original(server, laptop, gate)


def test_a_clone_serves_what_the_original_serves_and_tells_what_it_shares(blog: Original) -> None:
    assert blog.ship("ps:scale", "worker=1", "-a", "blog").status == 0
    done = blog.ship("apps:clone", "blog", "staging")
    assert done.status == 0, done.err
    url = f"http://staging.ship.test:{blog.server.port}"
    remote = f"http://127.0.0.1:{blog.server.port}/git/staging.git"
    assert done.out == f"{url} | {remote}\n"
    told, _, deploy = done.err.partition("-----> Receiving ")
    assert_as_recorded("clone", masked(blog.server, told))
    assert deploy.endswith(
        f"-----> v1 is live\n       {url}\nTo push to it from here: git remote add staging "
        f"{remote}\n"
    )
    assert blog.server.ask("staging") == blog.server.ask("blog") == (200, "first hi")
    of_blog, clone = (records.read_app(blog.server.paths(name)) for name in ("blog", "staging"))
    assert not {clone.port, clone.port_a, clone.port_b} & {
        of_blog.port,
        of_blog.port_a,
        of_blog.port_b,
    }
    assert (clone.check, clone.domains, clone.clone_of) == ({"path": "/echo"}, (), "blog")
    assert records.read_scale(blog.server.paths("staging")) == {"worker": 1}
    assert json.loads(blog.ship("cron", "-a", "staging", "--json").out)[0]["suspended"] is True
    # what is done once was not done again
    assert not list(blog.server.paths("staging").storage.iterdir())
    assert blog.ship("apps:info", "staging").out.endswith("Clone of:   blog\n")
    assert blog.ship("cron:resume", "-a", "staging", "--all").status == 0
    assert access.of_app(blog.server.layout, AppName("staging")) == {}
    assert blog.server.leftovers("staging") == []


def test_a_clone_goes_on_from_the_live_commit(blog: Original) -> None:
    """The original was rolled back, so its branch is ahead of what visitors see."""
    assert blog.ship("clone", "blog", "onward").status == 0
    repo, before = (blog.server.layout.repo(AppName(it)) for it in ("onward", "blog"))
    live = records.read_live_release(blog.server.paths("blog"))[1]
    assert live is not None
    assert git.resolve_commit(repo, "HEAD") == live.commit
    assert git.resolve_commit(before, "HEAD") != live.commit
    pushed = blog.laptop.git("push", blog.server.url("onward"), "main", check=False)
    assert pushed.returncode == 0, pushed.stderr
    assert blog.server.ask("onward") == (200, "second hi")


def test_a_clone_that_is_not_deployed_has_all_it_needs_for_that(blog: Original) -> None:
    done = blog.ship("fork", "-a", "blog", "lazy", "--skip-deploy", "--storage")
    assert done.status == 0, done.err
    assert "To put it live: ship releases:retry -a lazy" in done.err
    assert json.loads(blog.ship("apps:info", "lazy", "--json").out)["state"] == "empty"
    assert (blog.server.paths("lazy").storage / "picture").read_text() == "kept"
    filled = blog.server.paths("lazy").storage / "filled"
    filled.unlink()
    assert blog.ship("releases:retry", "-a", "lazy").status == 0
    assert blog.server.ask("lazy") == (200, "first hi")
    assert not filled.exists()


def test_a_clone_of_what_was_never_pushed_is_an_app_like_it(blog: Original) -> None:
    blog.server.create("bare")
    blog.server.configure(AppName("bare"), A="b")
    done = blog.ship("apps:clone", "bare", "barer")
    assert done.status == 0, done.err
    assert "bare has no release yet, so there is nothing to put live." in done.err
    assert blog.ship("config", "-a", "barer", "--json").out == '{\n  "A": "b"\n}\n'
    # its first push is a first one
    assert records.read_app(blog.server.paths("barer")).clone_of == ""


def test_a_clone_that_does_not_come_up_is_taken_away(blog: Original) -> None:
    blog.server.configure(AppName("blog"), REFUSES="false")
    before = blog.traces("broken")
    done = blog.ship("apps:clone", "blog", "broken")
    assert blog.ship("config:unset", "REFUSES", "-a", "blog").status == 0
    assert (done.status, done.out) == (5, "")
    assert "(release/failed)" in done.err
    assert done.err.endswith("       broken was taken away again.\n")
    assert blog.traces("broken") == before
    assert blog.server.ask("blog") == (200, "first hi")


HOSTS = """
import settings

def app(environ, start_response):
    known = environ["HTTP_HOST"].split(":")[0] in settings.ALLOWED_HOSTS
    body = b"at home" if known else b"<h1>Bad Request (400)</h1>"
    status = "200 OK" if known else "400 Bad Request"
    start_response(status, [("Content-Length", str(len(body)))])
    return [body]
"""
SETTINGS = 'import os\n\nALLOWED_HOSTS = os.environ["{}"].split(",")\n'


def push_hosted(blog: Original, name: str, variable: str) -> None:
    """An app that answers as Django does: to the host names of a config var alone."""
    hosts = f"localhost,{name}.ship.test"
    blog.server.configure(blog.server.create(name), ALLOWED_HOSTS=hosts, CACHE_HOSTS=hosts)
    laptop = blog.server.checkout(name)
    tree = {"app.py": HOSTS, "settings.py": SETTINGS.format(variable), "requirements.txt": ""}
    laptop.commit({**tree, "Procfile": "web: gunicorn app:app\n"})
    pushed = laptop.push()
    assert pushed.status == 0, pushed.text


def test_a_clone_answers_to_its_own_host_name(blog: Original) -> None:
    push_hosted(blog, "hosted", "ALLOWED_HOSTS")
    done = blog.ship("apps:clone", "hosted", "hosted-2")
    assert done.status == 0, done.err
    assert "ALLOWED_HOSTS: hosted.ship.test became hosted-2.ship.test." in done.err
    assert "These name hosted itself: CACHE_HOSTS." in done.err
    assert records.read_config(blog.server.paths("hosted-2").config) == {
        "ALLOWED_HOSTS": "localhost,hosted-2.ship.test",
        "CACHE_HOSTS": "localhost,hosted.ship.test",
    }
    assert blog.server.ask("hosted-2") == (200, "at home")


def test_what_is_advised_when_the_host_name_is_refused_works(blog: Original) -> None:
    push_hosted(blog, "host", "CACHE_HOSTS")
    failed = blog.ship("apps:clone", "host", "guest")
    assert failed.status == 6
    typed = (
        "ship apps:clone host guest --skip-deploy",
        "ship config:set -a guest CACHE_HOSTS=guest.ship.test",
        "ship releases:retry -a guest",
    )
    for line in typed:
        assert f"`{line}`" in failed.err, failed.err
    assert "push again" not in failed.err
    for line in typed:
        done = blog.ship(*line.split()[1:])
        assert done.status == 0, done.err
    assert blog.server.ask("guest") == (200, "at home")


@pytest.mark.parametrize(
    ("words", "status", "reason"),
    [
        ("blog blog", 2, "usage/bad-app-name"),
        ("blog Bad_", 2, "usage/bad-app-name"),
        ("blog", 2, "usage/no-app"),
        ("", 2, "usage/bad-command-line"),
        ("nobody other", 20, "not-found/app"),
        ("blog taken", 22, "exists/app"),
    ],
)
def test_what_cannot_be_cloned_changes_nothing(
    blog: Original, words: str, status: int, reason: str
) -> None:
    if words.endswith("taken"):
        blog.server.create("taken")
    before = sorted(records.app_names(blog.server.layout))
    done = blog.ship("apps:clone", *words.split())
    assert (done.status, f"({reason})" in done.err) == (status, True), done.err
    assert sorted(records.app_names(blog.server.layout)) == before


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGHUP])
def test_who_interrupts_a_clone_leaves_nothing_of_it(blog: Original, sent: signal.Signals) -> None:
    process = blog.start_clone("halted")
    process.send_signal(sent)
    assert process.wait(60) == 128 + sent
    blog.gate.touch()
    assert blog.traces("halted") == []


def test_a_clone_that_was_killed_is_taken_away_by_the_next_command(blog: Original) -> None:
    process = blog.start_clone("dead")
    assert blog.ship("apps", "--json").status == 0  # nobody takes away what somebody is at work on
    assert blog.server.paths("dead").settings.exists()
    builder = blog.builder("dead")
    for pid in (process.pid, builder):
        os.kill(pid, signal.SIGKILL)
    process.wait(20)
    note = blog.server.layout.state / "clones" / "dead.json"
    assert note.read_text() == '{"keep_storage":false}\n'  # read by later versions too
    blog.gate.touch()
    listed = json.loads(blog.ship("apps", "--json").out)
    assert "dead" not in [app["name"] for app in listed]
    assert blog.traces("dead") == []


def test_a_clone_whose_starter_was_killed_comes_to_its_end(blog: Original) -> None:
    process = blog.start_clone("orphan")
    process.kill()
    process.wait(20)
    blog.gate.touch()
    wait_until(lambda: blog.server.live("orphan") == 1, limit_s=60)
    assert blog.ship("builds:output", "-a", "orphan").status == 0  # waits for the end
    clones = blog.server.layout.state / "clones"

    def is_settled() -> bool:
        """The builder holds the note until it has ended, which is a moment after its record is
        written."""
        assert blog.ship("apps").status == 0
        return not list(clones.iterdir())

    wait_until(is_settled, limit_s=20)
    assert blog.server.ask("orphan") == (200, "first hi")


def test_a_note_of_an_app_that_is_gone_is_no_hindrance(blog: Original) -> None:
    with clone_notes.unfinished(blog.server.server, AppName("none"), keep_storage=False):
        note = blog.server.layout.state / "clones" / "none.json"
        copied = note.read_bytes()
    note.write_bytes(copied)
    assert blog.ship("apps").status == 0
    assert not note.exists()


def test_an_app_whose_settings_cannot_be_written_leaves_nothing(blog: Original) -> None:
    like = records.read_app(blog.server.paths("blog"))
    with pytest.raises(ServerError):
        apps.create(blog.server.server, AppName("unsaid"), like=replace(like, clone_of="\udcff"))
    assert blog.traces("unsaid") == []

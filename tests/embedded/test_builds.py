"""Builds as `ship builds` tells of them: listed, read, followed while they run, and the bundle
of a failed one."""

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec
import pytest

from receiver.apps import lifecycle as apps
from receiver.model.names import AppName
from receiver.state import builds, records
from tests.checkout import Checkout
from tests.embedded.embedded_server import EmbeddedServer, wait_until
from tests.embedded.keyboard import SHIP, Typed
from tests.embedded.pushing import WSGI, wsgi
from tests.embedded.transcript import assert_as_recorded, masked

pytestmark = pytest.mark.embedded

WAITS = 'echo waiting; until [ -e "$SHIP_STORAGE/go" ]; do sleep 0.05; done'
BREAKS = (
    "import os, sys\nsys.stdout.write('key is ' + os.environ['API_KEY'] + '\\n')\n"
    "sys.exit('no database here')\n"
)


@dataclass(frozen=True)
class Blog:
    """An app with one good build, one failed, and a config var."""

    server: EmbeddedServer
    app: AppName
    laptop: Checkout

    def ship(self, *words: str) -> Typed:
        return self.server.ship(*words, "--app", self.app)

    def data(self, *words: str) -> list[dict[str, object]]:
        found: list[dict[str, object]] = json.loads(self.ship(*words, "--json").out)
        return found

    @property
    def environment(self) -> dict[str, str]:
        return {"PATH": os.environ["PATH"], "SHIP_ROOT": str(self.server.root)}


@pytest.fixture
def blog(server: EmbeddedServer, request: pytest.FixtureRequest) -> Iterator[Blog]:
    app = server.create("blog")
    made = Blog(server, app, server.checkout("blog", place=request.node.name))
    assert made.ship("config:set", "API_KEY=very-secret-value").status == 0
    made.laptop.commit(wsgi("good"))
    assert made.laptop.push().status == 0
    made.laptop.commit({"app.py": BREAKS + WSGI})
    assert made.laptop.push().status == 1
    yield made
    apps.destroy(server.server, app)


def test_all_that_was_tried_is_listed_newest_first(blog: Blog) -> None:
    listed = blog.ship("builds")
    assert listed.status == 0, listed.err
    assert listed.out.startswith("=== blog Builds\n\n")
    found = blog.data("builds")
    assert [build["status"] for build in found] == ["failed", "succeeded", "succeeded"]
    assert [build["release"] for build in found] == [None, 1, None]
    assert found[0]["reason"] == "check/exited"
    assert found[-1]["description"] == "Set API_KEY config var"
    assert [build["number"] for build in blog.data("builds", "-n", "1")] == [3]


def test_one_build_is_described_and_its_output_printed(blog: Blog) -> None:
    assert "Status:  failed" in blog.ship("builds:info").out
    assert "Release: v1" in blog.ship("builds", "info", "2").out
    assert "-----> v1 is live" in blog.ship("builds:output", "2").out
    assert blog.ship("builds:output", "3").status == 0
    assert blog.ship("builds:output", "3", "--tail").status == 6
    unknown = blog.ship("builds:output", "v99")
    assert (unknown.status, unknown.out) == (20, "")
    assert "blog has no build v99." in unknown.err


def test_the_bundle_of_a_failed_build_has_its_output_the_apps_log_and_no_value(blog: Blog) -> None:
    said = blog.ship("logs:failed")
    assert said.status == 0, said.err
    built, _, wrote = said.out.partition("=== What the app wrote when it was started\n")
    assert "key is [hidden]" in wrote
    assert "SystemExit: no database here\n" in wrote
    assert "very-secret-value" not in said.out
    told = "".join(line for line in built.splitlines(keepends=True) if not _differs(line))
    assert_as_recorded("logs-failed", masked(blog.server, told))
    assert "very-secret-value" not in json.dumps(blog.data("logs:failed"))
    good = blog.ship("logs:failed", "2")
    assert good.status == 20
    assert "Build 2 of blog did not fail." in good.err


def test_a_running_build_is_followed_to_its_end_and_cancelled_by_number(blog: Blog) -> None:
    blog.laptop.commit({**wsgi("new"), "Procfile": f"web: gunicorn app:app\nrelease: {WAITS}\n"})
    push = blog.laptop.start_push()
    wait_until(lambda: "waiting" in blog.ship("builds:output").out)
    running = blog.data("builds")[0]
    number = str(running["number"])
    assert running["status"] == "running"
    follower = subprocess.Popen(
        (SHIP, "builds:output", "-t", "--app", blog.app),
        env=blog.environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert "is not running" in blog.ship("builds:cancel", "2").err
    assert blog.ship("builds:cancel", number).status == 0
    followed, _ = follower.communicate(timeout=30)
    said, _ = push.communicate(timeout=30)
    assert "(build cancelled)" in said
    assert follower.returncode == 11
    assert "waiting" in followed
    assert followed.rstrip().endswith("(cancelled/build)")
    assert blog.data("builds")[0]["status"] == "cancelled"


def test_a_build_whose_process_was_killed_has_failed_whatever_has_its_id_now(blog: Blog) -> None:
    paths = blog.server.paths("blog")
    wanted = records.read_build(paths, 1)
    assert wanted is not None
    mine = msgspec.structs.replace(wanted, status="running", pid=os.getpid())
    begun, held = builds.begin(paths, mine, keep=50)
    assert blog.data("builds")[0]["status"] == "running"
    os.close(held)
    assert blog.data("builds")[0]["reason"] == "build/interrupted"
    assert blog.ship("builds:cancel").status == 20
    (paths.builds / f"{begun.number}.json").unlink()


def test_old_builds_go_and_those_of_kept_releases_stay(blog: Blog) -> None:
    paths = blog.server.paths("blog")
    made_v1 = records.read_release(paths, 1).build
    wanted = records.read_build(paths, 1)
    assert wanted is not None
    numbers = []
    for _ in range(4):
        begun, held = builds.begin(paths, wanted, keep=3)
        os.close(held)
        numbers.append(begun.number)
    newest = numbers[1:]
    assert records.build_numbers(paths) == [made_v1, *newest]
    logs = sorted(int(path.name.partition(".")[0]) for path in paths.builds.glob("*.log"))
    assert logs == [made_v1, *newest]


def _differs(line: str) -> bool:
    return line.startswith(("Started:", "Took:", "What:"))

"""Builds as `ship builds` tells of them: listed, read, followed while they run, and the bundle
of a failed one."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest

from receiver.apps import lifecycle as apps
from receiver.model.names import AppName
from receiver.state import builds, records
from tests.checkout import Checkout
from tests.embedded.embedded_server import EmbeddedServer, wait_until
from tests.embedded.pushing import WSGI, wsgi
from tests.embedded.transcript import assert_as_recorded, masked

pytestmark = pytest.mark.embedded

SHIP = str(Path(sys.executable).parent / "ship")
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

    def ship(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            (SHIP, *words, "--app", self.app),
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            stdin=subprocess.DEVNULL,
        )

    def data(self, *words: str) -> list[dict[str, object]]:
        found: list[dict[str, object]] = json.loads(self.ship(*words, "--json").stdout)
        return found

    @property
    def environment(self) -> dict[str, str]:
        return {"PATH": os.environ["PATH"], "SHIP_ROOT": str(self.server.root)}


@pytest.fixture
def blog(server: EmbeddedServer, request: pytest.FixtureRequest) -> Iterator[Blog]:
    app = server.create("blog")
    made = Blog(server, app, server.checkout("blog", place=request.node.name))
    assert made.ship("config:set", "API_KEY=very-secret-value").returncode == 0
    made.laptop.commit(wsgi("good"))
    assert made.laptop.push().status == 0
    made.laptop.commit({"app.py": BREAKS + WSGI})
    assert made.laptop.push().status == 1
    yield made
    apps.destroy(server.server, app)


def test_all_that_was_tried_is_listed_newest_first(blog: Blog) -> None:
    listed = blog.ship("builds")
    assert listed.returncode == 0, listed.stderr
    assert listed.stdout.startswith("=== blog Builds\n\n")
    found = blog.data("builds")
    assert [build["status"] for build in found] == ["failed", "succeeded", "succeeded"]
    assert [build["release"] for build in found] == [None, 1, None]
    assert found[0]["reason"] == "check/exited"
    assert found[-1]["description"] == "Set API_KEY config var"
    assert [build["number"] for build in blog.data("builds", "-n", "1")] == [3]


def test_one_build_is_described_and_its_output_printed(blog: Blog) -> None:
    assert "Status:  failed" in blog.ship("builds:info").stdout
    assert "Release: v1" in blog.ship("builds", "info", "2").stdout
    assert "-----> v1 is live" in blog.ship("builds:output", "2").stdout
    assert blog.ship("builds:output", "3").returncode == 0
    assert blog.ship("builds:output", "3", "--tail").returncode == 6
    unknown = blog.ship("builds:output", "v99")
    assert (unknown.returncode, unknown.stdout) == (20, "")
    assert "blog has no build v99." in unknown.stderr


def test_the_bundle_of_a_failed_build_has_its_output_the_apps_log_and_no_value(blog: Blog) -> None:
    said = blog.ship("logs:failed")
    assert said.returncode == 0, said.stderr
    built, _, wrote = said.stdout.partition("=== What the app wrote when it was started\n")
    assert "key is [hidden]" in wrote
    assert "SystemExit: no database here\n" in wrote
    assert "very-secret-value" not in said.stdout
    told = "".join(line for line in built.splitlines(keepends=True) if not _differs(line))
    assert_as_recorded("logs-failed", masked(blog.server, told))
    assert "very-secret-value" not in json.dumps(blog.data("logs:failed"))
    good = blog.ship("logs:failed", "2")
    assert good.returncode == 20
    assert "Build 2 of blog did not fail." in good.stderr


def test_a_running_build_is_followed_to_its_end_and_cancelled_by_number(blog: Blog) -> None:
    blog.laptop.commit({**wsgi("new"), "Procfile": f"web: gunicorn app:app\nrelease: {WAITS}\n"})
    push = blog.laptop.start_push()
    wait_until(lambda: "waiting" in blog.ship("builds:output").stdout)
    running = blog.data("builds")[0]
    number = str(running["number"])
    assert running["status"] == "running"
    follower = subprocess.Popen(
        (SHIP, "builds:output", "-t", "--app", blog.app),
        env=blog.environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert "is not running" in blog.ship("builds:cancel", "2").stderr
    assert blog.ship("builds:cancel", number).returncode == 0
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
    assert blog.ship("builds:cancel").returncode == 20
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

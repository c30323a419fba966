"""A deploy that is killed at any of its steps: the old release serves, the next push works,
nothing is left.

The app that goes through them all has a worker, which is always of the release that serves, and its
new release has a cron job.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from receiver.apps.unfinished import recover_all
from receiver.hosts.supervisord.programs import scheduler_path
from receiver.model.names import AppName
from receiver.processes import control
from receiver.processes import look as processes
from receiver.state import records
from tests.embedded.embedded_server import EmbeddedServer, embedded_server
from tests.embedded.pushing import archive, wsgi

pytestmark = pytest.mark.embedded
ROOT = Path(__file__).parent.parent.parent

START = ["begun", "claimed", "unpacked", "installed", "recorded"]
JOB = "[cron.nightly]\nschedule = '@daily'\ncommand = 'true'\n"
WORKER = "import time\nwhile True:\n    time.sleep(600)\n"
STANDS = ["SetFormation", "SetTimers", "WriteFile"]
IN_PLACE = ["AimSlot", "AwaitRelease", "Link", "AskThroughNginx", *STANDS]
HANDOVER = [
    "AimSlot", "StartSlot", "AwaitRelease", "EnableSlot", "Link", "AskThroughNginx",
    "StopSlot", *STANDS,
]  # fmt: skip


def points(steps: list[str]) -> list[str]:
    around = []
    for step in steps:
        name, _, again = step.partition(" ")
        inside = ["processes stopped", "processes aimed"] if name == "SetFormation" else []
        around += [f"before {name} {again}".strip(), *inside, f"after {name} {again}".strip()]
    return START + around


@pytest.fixture(scope="module")
def server():
    with embedded_server() as found:
        yield found


def tree(folder: Path, text: str, requirements: str = "") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    if text == "new":
        (folder / "ship.toml").write_text(JOB)
    worker = {"worker.py": WORKER, "Procfile": "web: gunicorn app:app\nworker: python worker.py\n"}
    for name, content in (wsgi(text) | worker | {"requirements.txt": requirements}).items():
        (folder / name).write_text(content)
    return folder


def worker_of(server: EmbeddedServer, app: str) -> str | None:
    """The release that the one worker runs."""
    assert processes.wait(server.server, AppName(app), 20) == []
    workers = processes.look(server.server, AppName(app)).types[1].running
    return workers[0].release if len(workers) == 1 else None


def deploy(
    server: EmbeddedServer, app: str, source: Path, point: str = "never", deed: str = "deploy"
) -> subprocess.CompletedProcess[str]:
    target = server.folder / "tree.tar"
    archive(source, target)
    return subprocess.run(
        (
            sys.executable,
            str(Path(__file__).with_name("kill_driver.py")),
            deed,
            str(server.root),
            app,
            str(target),
            point,
        ),
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )


@pytest.fixture(scope="module")
def live(server):
    """An app that serves `old`, and the trees of the two ways to replace it."""
    app = server.create("blog")
    control.do(server.server, app, control.scaling([control.Wish("worker", "=", 1)]))
    old = tree(server.folder / "old", "old")
    done = deploy(server, app, old)
    assert done.returncode == 0, done.stderr
    # a comment is enough to make it another virtualenv, and costs no download
    return {
        "app": app,
        "old": old,
        "in place": tree(server.folder / "code", "new"),
        "handover": tree(server.folder / "deps", "new", "# another virtualenv\n"),
    }


@pytest.fixture(autouse=True)
def _serves_old(server, live):
    """Whatever a test before this one left behind."""
    if server.ask(live["app"]) != (200, "old"):
        assert deploy(server, live["app"], live["old"]).returncode == 0


@pytest.mark.parametrize("way", ["in place", "handover"])
def test_the_points_below_are_all_there_are(server, live, way):
    done = deploy(server, live["app"], live[way])
    assert done.returncode == 0, done.stderr
    expected = points(IN_PLACE if way == "in place" else HANDOVER)
    assert done.stdout.splitlines() == [*expected, "finalized"]


@pytest.mark.parametrize(
    ("way", "point"),
    [("in place", point) for point in points(IN_PLACE)]
    + [("handover", point) for point in points(HANDOVER)],
)
def test_killed_at(server, live, way, point):
    app = live["app"]
    before = server.live(app)
    killed = deploy(server, app, live[way], point)
    assert killed.returncode == -9, killed.stderr
    # In place, workers of the new release may be serving already; the next command puts them back.
    assert server.ask(app) in {(200, "old"), (200, "new")}
    recover_all(server.server)
    assert server.ask(app) == (200, "old")
    assert server.live(app) == before
    assert worker_of(server, app) == f"v{before}"
    assert records.read_timers(server.paths(app)) == {}
    assert not scheduler_path(server.layout, AppName(app)).exists()
    assert server.leftovers(app) == []
    # before a step is after the one before it, which has its own push
    if not point.startswith("before"):
        pushed = deploy(server, app, live["old"])
        assert pushed.returncode == 0, pushed.stderr
        assert server.ask(app) == (200, "old")


@pytest.mark.parametrize("point", START)
def test_a_check_that_is_killed_goes_back(server, live, point):
    app = live["app"]
    before = server.live(app)
    assert deploy(server, app, live["handover"], point, "check").returncode == -9
    assert server.ask(app) == (200, "old")
    assert recover_all(server.server) == [app]
    assert (server.live(app), server.leftovers(app)) == (before, [])


def test_a_check_comes_past_no_other_point_and_goes_back_by_itself(server, live):
    app = live["app"]
    before = server.live(app)
    done = deploy(server, app, live["handover"], deed="check")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == START
    assert recover_all(server.server) == []
    assert (server.live(app), server.leftovers(app)) == (before, [])


def test_killed_after_the_point_of_no_return_the_new_release_stays(server, live):
    app = live["app"]
    assert deploy(server, app, live["in place"], "finalized").returncode == -9
    assert server.ask(app) == (200, "new")
    recover_all(server.server)
    assert server.ask(app) == (200, "new")
    assert worker_of(server, app) == f"v{server.live(app)}"
    assert deploy(server, app, live["old"]).returncode == 0
    assert server.leftovers(app) == []

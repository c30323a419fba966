"""`ship plan`: what would be done is told, from the values with which it would be done, and
nothing is done."""

import json
import os
import subprocess
from collections.abc import Iterator

import pytest

from receiver.apps import lifecycle as apps
from receiver.machine import git
from receiver.machine.lock import app_lock
from receiver.model.names import AppName
from receiver.state import records
from tests.checkout import Checkout
from tests.embedded.embedded_server import EmbeddedServer
from tests.embedded.keyboard import SHIP
from tests.embedded.pushing import wsgi
from tests.embedded.transcript import assert_as_recorded, masked

pytestmark = pytest.mark.embedded


@pytest.fixture
def laptop(server: EmbeddedServer, request: pytest.FixtureRequest) -> Iterator[Checkout]:
    """A checkout of the app blog, which is live with the page `old`."""
    app = server.create("blog")
    made = server.checkout("blog", place=request.node.name)
    made.commit(wsgi("old"))
    pushed = made.push()
    assert pushed.status == 0, pushed.text
    yield made
    apps.destroy(server.server, app)


def ship(server: EmbeddedServer, laptop: Checkout, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {
        **laptop.environment,
        "PATH": os.environ["PATH"],
        "SHIP_ROOT": str(server.root),
    }
    return subprocess.run(
        (SHIP, *words),
        cwd=laptop.folder,
        env=environment,
        text=True,
        capture_output=True,
        check=False,
        stdin=subprocess.DEVNULL,
        timeout=60,
    )


def state(server: EmbeddedServer) -> tuple[object, ...]:
    """All that a plan must leave as it was."""
    paths = server.paths("blog")
    return (
        server.ask("blog"),
        git.refs(server.layout.repo(AppName("blog"))),
        server.live("blog"),
        server.leftovers("blog"),
        records.release_versions(paths),
        records.build_numbers(paths),
        paths.config.read_text() if paths.config.exists() else None,
        sorted(path.name for path in paths.venvs.iterdir()),
        server.layout.site(AppName("blog")).read_text(),
    )


def test_a_push_of_code_alone_is_told_to_be_in_place(
    server: EmbeddedServer, laptop: Checkout
) -> None:
    before = state(server)
    laptop.commit(wsgi("new"))
    told = ship(server, laptop, "plan")
    assert told.returncode == 0, told.stderr
    said = [line for line in told.stderr.splitlines() if line.startswith("remote:")]
    text = "".join(f"{line.removeprefix('remote:').removeprefix(' ').rstrip()}\n" for line in said)
    assert_as_recorded("plan-push", masked(server, text))
    assert "HEAD -> refs/ship/planned" in told.stderr
    assert state(server) == before


def test_a_push_with_packages_and_files_is_told_to_build_and_to_route(
    server: EmbeddedServer, laptop: Checkout
) -> None:
    before = state(server)
    laptop.commit(
        wsgi("new")
        | {
            "requirements.txt": "toml\n",
            "ship.toml": "[static]\n'/static/' = 'static'\n",
            "static/a.txt": "a",
            "Procfile": "web: gunicorn app:app\nrelease: touch /never\nworker: sleep 1000\n",
        }
    )
    told = laptop.push("-o", "plan", "main")
    assert told.status == 0, told.text
    assert_as_recorded("plan-push-with-packages", masked(server, "\n".join(told.lines) + "\n"))
    assert state(server) == before


def test_a_changed_config_var_is_told_by_name(server: EmbeddedServer, laptop: Checkout) -> None:
    before = state(server)
    told = ship(server, laptop, "plan", "config:set", "API_KEY=very-secret-value")
    assert told.returncode == 0, told.stderr
    assert_as_recorded("plan-config", masked(server, told.stdout))
    assert "very-secret-value" not in told.stdout
    fresh = ship(server, laptop, "plan", "config", "set", "PYTHONHASHSEED=1")
    assert "Slot b takes over from slot a." in fresh.stdout
    assert state(server) == before


def test_a_rollback_is_told_too_and_as_json(server: EmbeddedServer, laptop: Checkout) -> None:
    server.configure(AppName("blog"), GREETING="hi")
    before = state(server)
    parts = json.loads(ship(server, laptop, "plan", "--json", "rollback", "v1").stdout)
    titles = [part["title"] for part in parts]
    assert titles == [
        "Rolling back blog from v2 to v1",
        "Check",
        "Swap to v3",
        "That was the plan",
    ]
    assert "Config vars that change: GREETING." in parts[0]["lines"]
    assert state(server) == before


def test_a_change_of_scale_is_told(server: EmbeddedServer, laptop: Checkout) -> None:
    before = state(server)
    told = ship(server, laptop, "plan", "ps:scale", "web=3")
    assert told.returncode == 0, told.stderr
    assert_as_recorded("plan-scale", masked(server, told.stdout))
    assert ship(server, laptop, "plan", "ps:scale", "worker=1").returncode == 20
    assert "Start slot b" in ship(server, laptop, "plan", "ps", "restart", "web").stdout
    assert state(server) == before


def test_a_plan_writes_nothing_and_waits_for_nobody(
    server: EmbeddedServer, laptop: Checkout
) -> None:
    server.configure(AppName("blog"), GREETING="hi")
    paths, before = server.paths("blog"), written(server)
    with app_lock(paths.lock, "deploy of somebody else's", wait_s=0):
        for words in (("config:set", "GREETING=ho"), ("rollback",), ()):
            told = ship(server, laptop, "plan", *words)
            assert told.returncode == 0, told.stderr
            assert "Waiting for" not in told.stdout + told.stderr
    assert written(server) == before


def written(server: EmbeddedServer) -> dict[str, int]:
    """When each file of the app was written last, but for logs and the lock."""
    paths = server.paths("blog")
    found = (path for path in paths.home.rglob("*") if path.is_file() and path != paths.lock)
    return {str(path): path.stat().st_mtime_ns for path in found if paths.logs not in path.parents}


def test_what_cannot_be_planned_is_refused(server: EmbeddedServer, laptop: Checkout) -> None:
    before = state(server)
    refused = ship(server, laptop, "plan", "apps:destroy")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "`apps:destroy` cannot be planned." in refused.stderr
    unknown = ship(server, laptop, "plan", "rollback", "v99")
    assert unknown.returncode == 20
    assert ship(server, laptop, "plan", "config:unset", "NOT_SET").returncode == 20
    broken = laptop.commit({"app.py": None, "requirements.txt": None})
    impossible = laptop.push("-o", "plan", "main")
    assert impossible.status == 1
    assert "! [remote rejected] main -> main (build failed)" in impossible.text
    assert state(server) == before
    assert broken

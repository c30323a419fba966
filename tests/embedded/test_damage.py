"""What somebody damaged by hand: a push repairs what it can build, doctor names the rest."""

import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from receiver.apps import lifecycle as apps
from receiver.machine import git, git_leftovers
from receiver.model.names import AppName
from receiver.push import door
from receiver.state import records
from tests.checkout import Checkout
from tests.embedded.embedded_server import EmbeddedServer, own_name, wait_until
from tests.embedded.pushing import wsgi
from tests.embedded.receive_laptop import HOOKS
from tests.embedded.receive_sides import DRIVER

pytestmark = pytest.mark.embedded


@pytest.fixture
def site(server: EmbeddedServer, request: pytest.FixtureRequest) -> tuple[str, Checkout]:
    name = own_name(request)
    return name, server.publish(name, {**wsgi("old"), "Procfile": "web: gunicorn app:app\n"})


def _tear(path: Path) -> None:
    path.write_text("{")


def _lose_source_and_config_vars(home: Path) -> None:
    shutil.rmtree(home / "source")
    _tear(home / "env.json")


@pytest.mark.parametrize(
    "damage",
    [
        shutil.rmtree,
        lambda home: (home / "release.json").unlink(),
        lambda home: _tear(home / "release.json"),
        _lose_source_and_config_vars,
    ],
    ids=["folder", "record", "torn", "source and config vars"],
)
def test_a_push_takes_the_place_of_a_live_release_that_is_damaged(
    server: EmbeddedServer, site: tuple[str, Checkout], damage: Callable[[Path], object]
) -> None:
    name, laptop = site
    damage(server.paths(name).release(1).home)
    found = server.ship("doctor", "-a", name)
    assert found.status == 12, found.out
    laptop.commit(wsgi("new"))
    pushed = laptop.push()
    assert pushed.status == 0, pushed.text
    assert server.ask(name) == (200, "new")
    assert server.live(name) == 2
    after = server.ship("doctor", "-a", name)
    assert "broken" not in after.out, after.out
    again = server.ship("ps:restart", "-a", name)
    assert again.status == 0, again.err


def test_a_rollback_leaves_a_damaged_release_behind_as_well(
    server: EmbeddedServer, site: tuple[str, Checkout]
) -> None:
    name, laptop = site
    laptop.commit(wsgi("new"))
    assert laptop.push().status == 0
    shutil.rmtree(server.paths(name).release(2).home)
    for words in (("config:set", "A=b"), ("ps:restart",)):
        refused = server.ship(*words, "-a", name)
        assert "has no release v2" in refused.err, refused.err
        assert "Ship failed" not in refused.err
    rolled_back = server.ship("rollback", "v1", "-a", name)
    assert rolled_back.status == 0, rolled_back.err
    assert server.ask(name) == (200, "old")
    assert server.live(name) == 3


@pytest.mark.parametrize("pattern", ["lib/python*/site-packages/gunicorn/workers", "."])
def test_a_virtualenv_that_lost_files_is_made_anew_by_a_push(
    server: EmbeddedServer, site: tuple[str, Checkout], pattern: str
) -> None:
    """Also where it is gone as a whole, as after a power cut while it was replaced."""
    name, laptop = site
    live = records.read_release(server.paths(name), 1)
    venv = Path(str(live.venv))
    lost = venv if pattern == "." else next(venv.glob(pattern))
    shutil.rmtree(lost)
    found = server.ship("doctor", "-a", name)
    said = "There is no folder" if lost == venv else "of the files that it was made with"
    assert said in found.out, found.out
    laptop.commit(wsgi("new"))
    pushed = laptop.push()
    assert pushed.status == 0, pushed.text
    assert "of its files, and is made anew." in pushed.text
    assert server.ask(name) == (200, "new")
    assert lost.is_dir()
    assert server.leftovers(name) == []
    laptop.commit(wsgi("newer"))
    assert "Dependencies unchanged, virtualenv reused" in laptop.push().text


def _lose_objects(repo: Path) -> None:
    for folder in (repo / "objects").iterdir():
        shutil.rmtree(folder)


def _lose_a_file(repo: Path) -> None:
    """Lose one that the next commit has too: no client sends it again."""
    argv = ("git", f"--git-dir={repo}", "rev-parse", "HEAD:app.py")
    blob = subprocess.run(argv, capture_output=True, text=True, check=True).stdout.strip()
    (repo / "objects" / blob[:2] / blob[2:]).unlink()


@pytest.mark.parametrize(
    ("damage", "pushes"),
    [
        (_lose_objects, 1),
        (lambda repo: (repo / "HEAD").write_text("ref: refs/"), 2),
        (lambda repo: (repo / "config").write_text("[core\n"), 1),
        (lambda repo: shutil.rmtree(repo / "refs"), 1),
        (_lose_a_file, 2),
    ],
    ids=["objects", "HEAD", "config", "refs", "file"],
)
def test_a_damaged_repository_is_repaired_by_a_push(
    server: EmbeddedServer,
    site: tuple[str, Checkout],
    damage: Callable[[Path], object],
    pushes: int,
) -> None:
    name, laptop = site
    repo = server.layout.repo(AppName(name))
    _unpack(repo)
    damage(repo)
    told = server.ship("doctor", "-a", name).out
    assert "The repository of" in told, told
    laptop.commit({"other.txt": "new"})
    said = [laptop.push() for _ in range(pushes)]
    assert said[-1].status == 0, "\n".join(each.text for each in said)
    assert server.live(name) == 2
    assert server.ask(name) == (200, "old")
    assert all("(git/repository-damaged)" in each.text for each in said[:-1])
    assert "repository" not in server.ship("doctor", "-a", name).out
    apps.destroy(server.server, AppName(name))
    assert [path.name for path in repo.parent.iterdir() if path.name.startswith(name)] == []


def test_doctor_repairs_a_damaged_repository(
    server: EmbeddedServer, site: tuple[str, Checkout]
) -> None:
    name, laptop = site
    repo = server.layout.repo(AppName(name))
    _unpack(repo)
    _lose_a_file(repo)
    told = json.loads(server.ship("doctor", "-a", name, "--json").out)["findings"]
    assert [each["name"] for each in told] == ["push.repository-damaged"]
    healed = server.ship("doctor", "--fix", "-a", name)
    assert healed.status == 0, healed.out + healed.err
    assert git.put_aside(repo).is_dir()
    laptop.commit(wsgi("new"))
    pushed = laptop.push()
    assert pushed.status == 0, pushed.text
    assert server.ask(name) == (200, "new")


def _unpack(repo: Path) -> None:
    """Have each object be a file of its own."""
    packs = [path.rename(repo / path.name) for path in (repo / "objects/pack").glob("*.pack")]
    shutil.rmtree(repo / "objects/pack")
    for pack in packs:
        argv = ("git", f"--git-dir={repo}", "unpack-objects", "-q")
        subprocess.run(argv, input=pack.read_bytes(), check=True)
        pack.unlink()


def test_a_gate_that_was_killed_once_the_branch_had_moved(
    server: EmbeddedServer, site: tuple[str, Checkout]
) -> None:
    name, laptop = site
    repo = server.layout.repo(AppName(name))
    live = git.resolve_commit(repo, "main")
    commit = laptop.commit(wsgi("new"))
    laptop.environment = {
        **laptop.environment,
        "GIT_SSH_COMMAND": shlex.join((sys.executable, str(DRIVER))),
        "GIT_SSH_VARIANT": "ssh",
        "SHIP_TEST_HOOKS": str(HOOKS),
        "SHIP_TEST_DIES": "1",
        "SHIP_PUSH": "0123456789abcdef",
    }
    laptop.git("push", f"host:{repo}", "main", check=False)
    assert git.resolve_commit(repo, "main") == commit
    told = server.ship("doctor", "-a", name)
    assert f"A push to {name} was killed between its branch and its deploy." in told.out
    assert server.ship("server:recover", "--only", name).status == 0
    assert git.resolve_commit(repo, "main") == live
    again = laptop.push()
    assert again.status == 0, again.text
    assert server.ask(name) == (200, "new"), again.text
    later = laptop.commit(wsgi("newer"))
    laptop.environment |= door.for_hooks("laptop", name, {"SHIP_ROOT": str(server.root)})
    laptop.git("push", f"host:{repo}", "main", check=False)
    assert git.resolve_commit(repo, "main") == later
    wait_until(lambda: git.resolve_commit(repo, "main") == commit)  # the guard of the push
    wait_until(lambda: git_leftovers.notes(repo) == [])


def test_a_lock_that_a_killed_git_left_is_in_the_way_of_no_push(
    server: EmbeddedServer, site: tuple[str, Checkout]
) -> None:
    name, laptop = site
    lock = server.layout.repo(AppName(name)) / "refs" / "heads" / "main.lock"
    lock.touch()
    os.utime(lock, (0, 0))
    told = server.ship("doctor", "-a", name)
    assert f"A git that was killed left the repository of {name} locked." in told.out
    laptop.commit(wsgi("new"))
    lock.touch()  # young again, as after a kill just now
    pushed = laptop.push()
    assert pushed.status == 0, pushed.text
    assert server.ask(name) == (200, "new")

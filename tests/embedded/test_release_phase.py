"""The release phase: when it runs, what it may leave behind, and what its failure leaves as it
was."""

import os
import sqlite3
from contextlib import closing

import pytest

from receiver.model.errors import ShipError
from receiver.state import records
from tests.checkout import Pushed
from tests.embedded.embedded_server import EmbeddedServer
from tests.embedded.keyboard import type_ship
from tests.embedded.noting_site import NotingSite

pytestmark = pytest.mark.embedded

TELLS = """
import os

def app(environ, start_response):
    made = open("made").read() if os.path.exists("made") else "nothing"
    body = (made + " " + os.environ.get("GREETING", "")).strip().encode()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]
"""
NOTES = 'echo "migrating for $GREETING"; echo "$GREETING." >>"$SHIP_STORAGE/ran"'
MAKES = f"{NOTES}; printf something >made"


def tree(command: str, settings: str = "") -> dict[str, str]:
    return {
        "app.py": TELLS,
        "requirements.txt": "",
        "Procfile": f"web: gunicorn app:app\nrelease: {command}\n",
        "ship.toml": settings,
    }


class Site(NotingSite):
    """Its release phase notes the value of GREETING."""

    def push(self, command: str, settings: str = "") -> Pushed:
        return self.push_files(tree(command, settings))

    def deploy(self, command: str, settings: str = "") -> str:
        pushed = self.push(command, settings)
        assert pushed.status == 0, pushed.text
        return pushed.text


@pytest.fixture
def site(server: EmbeddedServer, request: pytest.FixtureRequest) -> Site:
    return Site.of(server, request)


def test_it_runs_at_pushes_alone_unless_it_is_asked_for(site: Site) -> None:
    site.server.configure(site.app, GREETING="one")
    site.deploy(NOTES)
    assert site.ran == ["one."]
    said = site.server.configure(site.app, GREETING="two")
    assert "The release phase is not run: `--release-phase` has it run." in said
    site.server.rollback(site.app)
    assert site.ran == ["one."]
    said = site.server.rollback(site.app, 2, release_phase=True)
    assert "migrating for two" in said
    assert site.ran == ["one.", "two."]


def test_ship_toml_says_at_what_it_runs(site: Site) -> None:
    site.server.configure(site.app, GREETING="one")
    said = site.deploy(NOTES, "[release]\non = ['rollback', 'config']\n")
    assert "The release phase is not run: `on` in ship.toml names no deploy." in said
    site.server.configure(site.app, GREETING="two")
    assert site.ran == ["two."]
    site.server.rollback(site.app)
    assert site.ran == ["two.", "one."]
    said = site.server.rollback(site.app, 2, release_phase=False)
    assert "migrating" not in said
    assert site.ran == ["two.", "one."]


def test_what_it_made_beside_the_code_comes_along_with_the_code(site: Site) -> None:
    site.deploy(f"{MAKES}; mkdir -p css/new empty; echo a >css/new/a; ln -s new css/now")
    assert site.ask() == (200, "something")
    along = "What it wrote into the tree when it last ran is carried along: "
    planned = type_ship(site.server.root, "plan", "config:set", "GREETING=hi", "-a", site.app)
    assert f"{along}css (2 files, 2), made (9)." in planned.out + planned.err
    paths, said = site.server.paths(site.app), site.server.configure(site.app, GREETING="hi")
    assert "The release phase is not run: `--release-phase` has it run." in said
    assert f"{along}css (2 files, 2), made (9)." in said
    assert site.ask() == (200, "something hi")
    source = paths.release(2).source
    assert ((source / "css/now/a").read_text(), (source / "empty").is_dir()) == ("a\n", True)
    site.deploy(f"{NOTES}; printf other >made")
    assert site.ask() == (200, "other hi")
    said = site.server.rollback(site.app, 1)
    assert f"{along}css (2 files, 2), made (9)." in said
    assert site.ask() == (200, "something")
    said = site.server.rollback(site.app, 3, release_phase=True)
    assert along not in said
    assert site.ask() == (200, "other hi")
    assert site.ran == [".", "hi.", "hi."]
    assert "own folder" not in said


def test_what_it_made_and_could_not_be_kept_is_made_again(site: Site) -> None:
    """As when it was too much, or the disk was full."""
    site.deploy(MAKES)
    paths = site.server.paths(site.app)
    os.truncate(paths.release(1).phase, 0)
    said = site.server.configure(site.app, GREETING="hi")
    assert "-----> Running the release phase" in said
    assert site.ask() == (200, "something hi")
    os.truncate(paths.release(2).phase, 0)
    words = ("config:set", "--no-release-phase", "GREETING=ho", "-a", site.app)
    typed = type_ship(site.server.root, *words)
    assert "What it wrote into the tree when it last ran was too large to be kept." in typed.err
    os.truncate(paths.release(3).built, 0)
    paths.release(3).phase.unlink()
    said = site.server.configure(site.app, GREETING="hey")
    assert "v3 was released before Ship kept what a release phase writes" in said


def test_a_database_that_it_made_is_told_of_and_comes_along_empty(site: Site) -> None:
    make = "import sqlite3; sqlite3.connect('db.sqlite3').execute('create table rows (a)')"
    said = site.deploy(f'{MAKES}; python -c "{make}"')
    assert "v1 has a database in its own folder: db.sqlite3 (SQLite, 8K)." in said
    assert "made (9)" not in said
    paths, row = site.server.paths(site.app), "insert into rows values (1)"
    with closing(sqlite3.connect(paths.release(1).source / "db.sqlite3")) as database, database:
        database.execute(row)
    said = site.server.configure(site.app, GREETING="hi")
    assert "is carried along: db.sqlite3 (8K), made (9)." in said
    assert (
        "v1 had written into its own folder, and v2 begins without that:\n !       db.sqlite3 (S"
        in said
    )
    for folder, rows in ((paths.release(2).source, 0), (paths.storage / "rescued/v1", 1)):
        with closing(sqlite3.connect(folder / "db.sqlite3")) as database:
            assert database.execute("select count(*) from rows").fetchone() == (rows,)


def test_a_mount_hides_what_it_made_there_before(site: Site) -> None:
    site.deploy(MAKES)
    assert type_ship(site.server.root, "storage:mount", "made", "-a", site.app).status == 0
    kept = site.server.paths(site.app).storage / "made"
    kept.write_text("written since")
    site.server.configure(site.app, GREETING="hi")
    assert site.ask() == (200, "written since hi")


def test_a_failure_leaves_the_old_release_and_a_log(site: Site) -> None:
    site.deploy(NOTES)
    failed = site.push("echo no such table; echo half >half; exit 3")
    assert (failed.status, "(release phase failed)" in failed.text) == (1, True)
    build = site.last_build
    assert (build.status, build.reason, build.exit_code) == ("failed", "release/failed", 5)
    log = records.build_log(site.server.paths(site.app), build.number).read_text()
    assert "-----> Running the release phase\n       no such table\n" in log
    root = site.server.root
    assert type_ship(root, "builds:output", "-a", site.app).out == log
    listed = type_ship(root, "releases", "-a", site.app)
    assert [line[:2] for line in listed.out.splitlines() if line.startswith("v")] == ["v1"]
    assert "failed and made no release: release/failed." in listed.err
    assert (
        "-----> Running the release phase\n       migrating for"
        in type_ship(root, "releases:output", "v1", "-a", site.app).out
    )
    assert site.ask() == (200, "nothing")
    assert site.server.live(site.app) == 1
    assert site.server.leftovers(site.app) == []


def test_a_kill_is_told_with_its_usual_cause(site: Site) -> None:
    killed = site.push("kill -KILL $$")
    assert killed.status == 1
    assert "SIGKILL ended it, as happens to what uses up the memory" in killed.text


def test_a_failure_at_a_change_of_config_leaves_everything_as_it_was(site: Site) -> None:
    site.deploy('test "$GREETING" != two', "[release]\non = ['config']\n")
    site.server.configure(site.app, GREETING="one")
    with pytest.raises(ShipError) as failed:
        site.server.configure(site.app, GREETING="two")
    assert failed.value.exit_code == 5
    assert "`--no-release-phase`" in failed.value.advice
    assert site.server.live(site.app) == 2
    assert records.read_config(site.server.paths(site.app).config) == {"GREETING": "one"}
    assert site.ask() == (200, "nothing one")
    assert site.server.leftovers(site.app) == []


def test_a_failure_at_a_rollback_leaves_everything_as_it_was(site: Site) -> None:
    site.deploy('test ! -e "$SHIP_STORAGE/migrated"', "[release]\non = ['rollback']\n")
    site.deploy('touch "$SHIP_STORAGE/migrated"')
    with pytest.raises(ShipError) as failed:
        site.server.rollback(site.app)
    assert failed.value.reason == "release/failed"
    assert "`ship rollback --no-release-phase`" in failed.value.advice
    assert site.server.live(site.app) == 2
    assert site.server.leftovers(site.app) == []
    site.server.rollback(site.app, release_phase=False)
    assert site.server.live(site.app) == 3


def test_the_limit_of_the_server_is_the_most_an_app_can_have(site: Site) -> None:
    most_s = site.server.server.settings.release_limit_s
    said = site.deploy(NOTES, f"[release]\nlimit_s = {most_s + 1}\n")
    assert f"The server's limit of {most_s} s counts, not the {most_s + 1} s of ship.toml." in said

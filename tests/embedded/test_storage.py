"""Storage on the whole way: what an app wrote where it would be lost, how it is kept, and where
it appears."""

import json
import os
import sqlite3
import subprocess
import threading
from pathlib import Path

import pytest

from receiver.apps import renaming
from receiver.model.names import AppName
from tests.checkout import Checkout
from tests.embedded.embedded_server import EmbeddedServer, own_name, wait_until
from tests.embedded.keyboard import SHIP

pytestmark = pytest.mark.embedded

APP = """
import os, sqlite3
from pathlib import Path

HERE = Path(__file__).parent
JOURNAL = "MODE"

def rows():
    database = sqlite3.connect(HERE / "db.sqlite3")
    database.execute("PRAGMA journal_mode=" + JOURNAL)
    database.execute("CREATE TABLE IF NOT EXISTS visits (path TEXT)")
    return database

kept = rows()  # a connection that stays open, as pools keep them

def app(environ, start_response):
    path = environ["PATH_INFO"]
    if path.startswith("/upload/"):
        (HERE / "media").mkdir(exist_ok=True)
        (HERE / "media" / path.rpartition("/")[2]).write_text("a picture")
    if path == "/visit":
        database = kept if environ["QUERY_STRING"] == "kept" else rows()
        database.execute("INSERT INTO visits VALUES (?)", (path,))
        database.commit()
    count = rows().execute("SELECT count(*) FROM visits").fetchone()[0]
    media = sorted(each.name for each in HERE.glob("media/*"))
    body = f"{count} {' '.join(media)}".strip().encode()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]
"""


def code(mode: str = "DELETE", **more: str) -> dict[str, str]:
    return {
        "app.py": APP.replace("MODE", mode),
        "requirements.txt": "",
        "Procfile": "web: gunicorn app:app\n",
        **more,
    }


@pytest.fixture
def laptop(server: EmbeddedServer, request: pytest.FixtureRequest) -> Checkout:
    app = own_name(request)
    server.create(app)
    made = server.checkout(app)
    made.commit(code(getattr(request, "param", "DELETE")))
    return made


def name(laptop: Checkout) -> str:
    return laptop.folder.name.removeprefix("checkout-")


def ship(server: EmbeddedServer, *words: str, status: int = 0) -> str:
    done = server.ship(*words)
    assert done.status == status, done.out + done.err
    return done.out + done.err


def push(laptop: Checkout, files: dict[str, str | bytes | None] | None = None) -> str:
    if files:
        laptop.commit(files)
    pushed = laptop.push()
    assert pushed.status == 0, pushed.text
    return "\n".join(pushed.lines)


def test_a_database_in_the_release_is_told_of_and_put_aside_and_comes_back(
    server: EmbeddedServer, laptop: Checkout
) -> None:
    app = name(laptop)
    first = push(laptop)
    assert "v1 has a database in its own folder: db.sqlite3 (SQLite, " in first
    assert "`ship storage:mount db.sqlite3`" in first
    server.ask(app, "/visit")
    server.ask(app, "/upload/cat.png")
    assert server.ask(app) == (200, "1 cat.png")
    assert "v1 wrote into its own folder" in ship(server, "storage", "-a", app)
    second = push(laptop, {"README": "two"})
    assert "v1 had written into its own folder, and v2 begins without that:\n" in second
    assert "db.sqlite3 (SQLite, " in second
    assert "media (" in second
    assert "`ship storage:mount media db.sqlite3 --from v1`" in second
    assert server.ask(app) == (200, "0")
    assert "Put aside: rescued/v1" in ship(server, "storage", "-a", app)
    said = ship(server, "storage:mount", "media", "db.sqlite3", "--from", "v1", "-a", app)
    assert "db.sqlite3 is kept in the app's storage now" in said
    assert server.ask(app) == (200, "1 cat.png")
    third = push(laptop, {"README": "three"})
    assert "own folder" not in third
    assert server.ask(app) == (200, "1 cat.png")


@pytest.mark.parametrize("laptop", ["DELETE", "WAL"], indirect=True)
def test_a_database_in_use_moves_without_losing_a_row(
    server: EmbeddedServer, laptop: Checkout
) -> None:
    app = name(laptop)
    push(laptop)
    for path in ("/visit", "/visit?kept", "/upload/cat.png"):
        server.ask(app, path)
    said = ship(server, "storage:mount", "db.sqlite3", "media", "-a", app)
    assert "What was there is in it." in said
    assert f"Restarting {app}" in said
    for path in ("/visit?kept", "/visit", "/upload/dog.png"):
        server.ask(app, path)
    assert server.ask(app) == (200, "4 cat.png dog.png")
    push(laptop, {"README": "two"})
    assert server.ask(app) == (200, "4 cat.png dog.png")
    server.configure(AppName(app), GREETING="x")
    server.rollback(AppName(app))
    assert server.ask(app) == (200, "4 cat.png dog.png")
    with sqlite3.connect(server.paths(app).storage / "db.sqlite3") as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert "own folder" not in ship(server, "storage", "-a", app)
    assert ship(server, "storage:mount", "db.sqlite3", "-a", app).count("Restarting") == 0


def test_mounts_are_there_from_the_first_push_for_every_kind_of_process(
    server: EmbeddedServer, laptop: Checkout
) -> None:
    app = name(laptop)
    said = ship(server, "storage:mount", "media", "files:data/uploads", "db.sqlite3", "-a", app)
    assert "data/uploads is kept in the app's storage now (files)." in said
    procfile = "web: gunicorn app:app\nrelease: echo phase > data/uploads/phase\n"
    push(
        laptop, {"Procfile": procfile, "bin/post_compile": "#!/bin/sh\necho built > media/built\n"}
    )
    storage = server.paths(app).storage
    assert (storage / "files" / "phase").read_text() == "phase\n"
    assert (storage / "media" / "built").read_text() == "built\n"
    ship(
        server,
        "run",
        "-a",
        app,
        "--",
        "sh",
        "-c",
        "echo run > media/run; echo top > $SHIP_STORAGE/top",
    )
    assert (storage / "media" / "run").exists()
    assert server.ask(app) == (200, "0 built run")
    new = AppName(f"{app}-new")
    renaming.rename(server.server, AppName(app), new)
    assert server.ask(new) == (200, "0 built run")
    server.ask(new, "/upload/after")
    laptop.git("remote", "set-url", "prod", server.url(new))
    push(laptop, {"README": "two"})
    assert server.ask(new)[1] == "0 after built run"
    told = json.loads(ship(server, "storage", "--json", "-a", new))
    assert told["mounts"] == {
        "media": "media/",
        "data/uploads": "files/",
        "db.sqlite3": "db.sqlite3",
    }
    assert told["entries"]["media"]["files"] == 3


def test_the_code_is_hidden_only_when_somebody_says_so(
    server: EmbeddedServer, laptop: Checkout
) -> None:
    app = name(laptop)
    push(laptop, {"media/logo.png": "ours", "static/.gitkeep": ""})
    refused = ship(server, "storage:mount", "media", "-a", app, status=2)
    assert "(usage/mount-hides-code)" in refused
    assert "In v1 there are: media/logo.png." in refused
    ship(server, "storage:mount", "static", "-a", app)
    ship(server, "storage:mount", "media", "--hide", "-a", app)
    assert server.ask(app) == (200, "0 logo.png")
    said = push(laptop, {"media/logo.png": "newer"})
    assert "media is the app's storage, which hides what the code has there: logo.png." in said
    assert (server.paths(app).storage / "media" / "logo.png").read_text() == "ours"
    ship(server, "storage:unmount", "media", "-a", app)
    push(laptop, {"README": "x"})
    assert (server.paths(app).current / "source" / "media" / "logo.png").read_text() == "newer"
    assert "(not-found/mount)" in ship(server, "storage:unmount", "media", "-a", app, status=20)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("..",), "usage/bad-mount"),
        (("../x",), "usage/bad-mount"),
        (("a/../b",), "usage/bad-mount"),
        ((".git",), "usage/bad-mount"),
        (("a b",), "usage/bad-mount"),
        (("/",), "usage/bad-mount"),
        ((), "usage/bad-mount"),
        (("/srv/data:/data",), "usage/bad-mount"),
        (("rescued:media",), "usage/bad-mount"),
        (("/data",), "usage/mount-not-here"),
        (("a", "a/b"), "usage/bad-mount"),
    ],
)
def test_what_cannot_be_mounted_is_refused(
    server: EmbeddedServer, words: tuple[str, ...], reason: str
) -> None:
    if not server.paths("refusing").settings.exists():
        server.create("refusing")
    assert f"({reason})" in ship(server, "storage:mount", *words, "-a", "refusing", status=2)


def test_links_that_an_app_leaves_lead_nobody_astray(
    server: EmbeddedServer, laptop: Checkout, tmp_path: Path
) -> None:
    app = name(laptop)
    push(laptop)
    paths = server.paths(app)
    source = paths.current / "source"
    (tmp_path / "secret").write_text("secret")
    (source / "linked").symlink_to(tmp_path)
    (source / "evil.sqlite3").symlink_to(tmp_path / "secret")
    (paths.storage / "aside").symlink_to(tmp_path)
    assert "secret" not in ship(server, "storage", "-a", app)
    said = push(laptop, {"README": "two"})
    assert "secret" not in said
    assert sorted(each.name for each in tmp_path.iterdir()) == ["secret"]
    assert not (paths.storage / "rescued" / "v1" / "linked").exists()


def test_what_a_release_phase_makes_each_time_is_no_loss(
    server: EmbeddedServer, laptop: Checkout
) -> None:
    app = name(laptop)
    phase = "web: gunicorn app:app\nrelease: mkdir -p collected && echo x > collected/a.css\n"
    push(
        laptop,
        {
            "Procfile": phase,
            "app.py": "def app(environ, start):\n    start('200 OK', [])\n    return [b'x']\n",
        },
    )
    said = push(laptop, {"README": "two"})
    assert "own folder" not in said
    assert not (server.paths(app).storage / "rescued").exists()


WRITES = """
import atexit, os, secrets, time
from pathlib import Path

HERE = Path(__file__).parent
KEY = HERE / "data" / "keys" / "secret.key"

def leave(text):
    (HERE / "data" / "ended").write_text(text)

if not KEY.exists():
    KEY.parent.mkdir(parents=True, exist_ok=True)
    KEY.write_text(secrets.token_hex(16))
(HERE / "index").write_text("the same each time")
atexit.register(leave, "at its end")

def app(environ, start_response):
    if environ["PATH_INFO"] == "/slow":
        storage = Path(os.environ["SHIP_STORAGE"])
        (storage / "begun").touch()
        while not (storage / "pushed").exists():
            time.sleep(0.05)
        (HERE / "data" / "upload").write_text("of a slow request")
    body = KEY.read_bytes()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]
"""


def test_what_a_release_makes_at_its_start_is_told_of_and_only_equal_bytes_are_dropped(
    server: EmbeddedServer, laptop: Checkout
) -> None:
    app, paths = name(laptop), server.paths(name(laptop))
    first = push(laptop, {"app.py": WRITES})
    assert (
        "v1 wrote into its own folder what the next release will lack:\n !       data (32), i"
        in first
    )
    assert "To keep it: `ship storage:mount data index`,\n" in first
    _, key = server.ask(app)
    second = push(laptop, {"README": "two"})
    assert (
        "v1 had written into its own folder, and v2 begins without that:\n !       data (2 files, 4"
        in second
    )
    assert "`ship storage:mount data --from v1`" in second
    assert server.ask(app)[1] != key
    aside = paths.storage / "rescued" / "v1"
    assert [each.name for each in aside.iterdir()] == ["data"]
    assert (aside / "data/keys/secret.key").read_text() == key
    assert (aside / "data/ended").read_text() == "at its end"
    assert not paths.release(1).source.exists()
    ship(server, "storage:mount", "data", "--from", "v1", "-a", app)
    assert server.ask(app)[1] == key
    third = push(laptop, {"README": "three"})
    assert "data" not in third
    assert server.ask(app)[1] == key


def test_what_a_last_request_writes_is_put_aside_by_the_next_push(
    server: EmbeddedServer, laptop: Checkout
) -> None:
    app, paths = name(laptop), server.paths(name(laptop))
    push(laptop, {"app.py": WRITES})
    slow = threading.Thread(target=server.ask, args=(app, "/slow"))
    slow.start()
    wait_until((paths.storage / "begun").exists)
    push(laptop, {"README": "two"})
    assert paths.release(1).source.exists()
    (paths.storage / "pushed").touch()
    slow.join()
    third = push(laptop, {"README": "three"})
    assert (
        "v1 had written into its own folder, and v3 begins without that:\n !       data (3 files"
        in third
    )
    aside = paths.storage / "rescued" / "v1" / "data"
    assert (aside / "upload").read_text() == "of a slow request"
    assert not paths.release(1).source.exists()


def test_what_cannot_be_put_aside_keeps_its_place(server: EmbeddedServer, laptop: Checkout) -> None:
    app, paths = name(laptop), server.paths(name(laptop))
    push(laptop, {"app.py": WRITES})
    (paths.storage / "rescued").write_text("a file where the folder should be")
    said = push(laptop, {"README": "two"})
    assert "What v1 wrote could not be put aside; its folder is kept." in said
    assert (paths.release(1).source / "data/keys/secret.key").exists()
    (paths.storage / "rescued").unlink()
    said = push(laptop, {"README": "three"})
    assert "v1 had written into its own folder" in said
    assert "v2 had written into its own folder" in said
    assert (paths.storage / "rescued/v1/data/keys/secret.key").exists()
    assert server.ask(app)[0] == 200


def test_only_the_last_few_of_what_was_put_aside_are_kept(
    server: EmbeddedServer, laptop: Checkout
) -> None:
    app = name(laptop)
    push(laptop)
    aside = server.paths(app).storage / "rescued"
    for number in range(5):
        for each in aside.glob("*"):
            os.utime(each, (0, 0))
        push(laptop, {"README": str(number)})
    assert sorted(each.name for each in aside.iterdir()) == ["v3", "v4", "v5"]


def test_a_quota_is_watched(server: EmbeddedServer, laptop: Checkout) -> None:
    app = name(laptop)
    ship(server, "storage:mount", "media", "-a", app)
    assert "has no quota" in ship(server, "storage:quota", "-a", app)
    assert "may hold 1.0M; it holds " in ship(server, "storage:quota", "1M", "-a", app)
    (server.paths(app).storage / "media" / "large").write_bytes(b"x" * 1_500_000)
    assert "It holds more than its quota." in ship(server, "storage", "-a", app)
    assert "storage holds 1.4M, more than its quota of 1.0M" in push(laptop)
    assert "(usage/bad-quota)" in ship(server, "storage:quota", "much", "-a", app, status=2)
    assert "has no quota" in ship(server, "storage:quota", "none", "-a", app)


def test_files_are_brought_over_and_back(
    server: EmbeddedServer, laptop: Checkout, tmp_path: Path
) -> None:
    app = name(laptop)
    ship(server, "storage:mount", "media", "db.sqlite3", "-a", app)
    with sqlite3.connect(tmp_path / "db.sqlite3") as database:
        database.execute("CREATE TABLE visits (path TEXT)")
        database.executemany("INSERT INTO visits VALUES (?)", [("/",)] * 7)
    photos = tmp_path / "photos"
    (photos / "dogs").mkdir(parents=True)
    (photos / "cat.png").write_bytes(bytes(range(256)) * 100)
    (photos / "dogs" / "rex.png").write_text("rex")
    (photos / "secret").symlink_to("/etc/passwd")
    assert "1 file, " in ship(server, "storage:put", str(tmp_path / "db.sqlite3"), "-a", app)
    said = ship(server, "storage:put", str(photos), "media", "-a", app)
    assert "2 files, 25603 bytes." in said
    assert "secret is left out" in said
    push(laptop)
    assert server.ask(app) == (200, "7 cat.png dogs")
    listed = ship(server, "storage:ls", "media", "-a", app)
    assert "cat.png  25K" in listed
    assert "dogs/" in listed
    server.ask(app, "/visit?kept")
    _fetch_back(server, app, tmp_path / "back", photos)
    assert "(not-found/file)" in ship(server, "storage:ls", "nothing", "-a", app, status=20)
    assert "has no nothing" in ship(server, "storage:get", "nothing", "-", "-a", app, status=65)
    said = ship(server, "storage:get", "nothing", str(tmp_path / "nothing"), "-a", app, status=65)
    assert "has no nothing" in said
    assert "Nothing came; nothing was changed." in said
    assert "(usage/bad-mount)" in ship(server, "storage:get", "../config.json", "-a", app, status=2)
    assert "(usage/bad-file)" in ship(server, "storage:put", "/nowhere", "-a", app, status=2)


def _fetch_back(server: EmbeddedServer, app: str, back: Path, photos: Path) -> None:
    back.mkdir()
    ship(server, "storage:get", "db.sqlite3", str(back), "-a", app)
    with sqlite3.connect(back / "db.sqlite3") as database:
        assert database.execute("SELECT count(*) FROM visits").fetchone() == (8,)
    refused = ship(server, "storage:get", "db.sqlite3", str(back), "-a", app, status=2)
    assert "is there already." in refused
    ship(server, "storage:get", "db.sqlite3", str(back), "--force", "-a", app)
    ship(server, "storage:get", "media", str(back / "media"), "-a", app)
    assert (back / "media" / "cat.png").read_bytes() == (photos / "cat.png").read_bytes()
    assert (back / "media" / "dogs" / "rex.png").read_text() == "rex"
    assert ship(server, "storage:get", "media/dogs/rex.png", "-", "-a", app) == "rex"


def test_a_file_that_exceeds_the_quota_leaves_everything_as_it_was(
    server: EmbeddedServer, laptop: Checkout, tmp_path: Path
) -> None:
    app = name(laptop)
    (tmp_path / "large").write_bytes(b"x" * 3_000_000)
    ship(server, "storage:quota", "2M", "-a", app)
    refused = ship(server, "storage:put", str(tmp_path / "large"), "-a", app, status=8)
    assert "(server/no-room)" in refused
    assert list(server.paths(app).storage.iterdir()) == []
    (tmp_path / "small").write_bytes(b"x" * 1_000_000)
    ship(server, "storage:put", str(tmp_path / "small"), "-a", app)
    piped = subprocess.run(
        (str(SHIP), "--by", "laptop", "storage:put", "-a", app, "-", "notes/a.txt"),
        input=b"text",
        check=False,
        env={
            "PATH": "/usr/bin:/bin",
            "HOME": str(server.folder),
            "SHIP_ROOT": str(server.root),
        },
    )
    assert piped.returncode == 0
    assert (server.paths(app).storage / "notes" / "a.txt").read_text() == "text"
    assert sorted(each.name for each in server.paths(app).storage.iterdir()) == ["notes", "small"]
    over_ssh = ship(server, "--by", "laptop", "storage:put", "-a", app, "/etc/passwd", status=2)
    assert "is not read on the server" in over_ssh

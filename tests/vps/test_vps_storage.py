"""Storage on a real machine: mounts in every process, seen by nobody else, over reboots; hostile
links; a database that moves."""

import os
import shlex
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.vps.inside import Completed
from tests.vps.ship_server import DOMAIN, ShipServer, Site

APP = """
import os, sqlite3, time
from pathlib import Path

HERE = Path(__file__).parent

def app(environ, start_response):
    path = environ["PATH_INFO"]
    database = sqlite3.connect(HERE / "db.sqlite3")
    database.execute("CREATE TABLE IF NOT EXISTS visits (path TEXT)")
    if path == "/visit":
        database.execute("INSERT INTO visits VALUES (?)", (path,))
        database.commit()
    elif path == "/hold":
        kept = Path(os.environ["SHIP_STORAGE"])
        (kept / "held").touch()
        while not (kept / "pushed").exists():
            time.sleep(0.05)
        (HERE / "late").write_text("of a last request")
    elif path.startswith("/write/"):
        try:
            Path("/" + path.removeprefix("/write/")).write_text("web")
        except OSError as error:
            start_response("409 No", [])
            return [str(error.strerror).encode()]
    body = str(database.execute("SELECT count(*) FROM visits").fetchone()[0]).encode()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]
"""
WORKER = (
    "import pathlib, time\nwhile True:\n    pathlib.Path('/data/worker').write_text('worker')\n"
    "    time.sleep(0.2)\n"
)
FILES = {
    "app.py": APP,
    "worker.py": WORKER,
    "requirements.txt": "",
    "Procfile": (
        "web: gunicorn app:app\nworker: python worker.py\n"
        "release: if [ -w /data ]; then echo phase > /data/phase; fi\n"
    ),
}


@pytest.fixture
def site(ship_server: ShipServer) -> Iterator[Site]:
    """The app `kept`, new for each test, whose storage is empty."""
    yield pushed_site(ship_server, "kept")
    for app in ("kept", "kept-copy", "kept-again", "curious"):  # what a failed test may have left
        ship_server.ship(f"apps:destroy {app} --confirm {app}", check=False)


@pytest.fixture
def mounted(site: Site) -> None:
    """The app with a database of three rows in its storage, and a folder of it at /app/media."""
    for _ in range(3):
        assert ask(site, "/visit")[0] == 200
    site.ship("storage:mount db.sqlite3 media:/app/media")
    assert ask(site) == (200, "3")


@pytest.fixture(scope="module")
def unmounted(ship_server: ShipServer) -> Iterator[Site]:
    """An app that nothing is ever mounted for."""
    yield pushed_site(ship_server, "unmounted")
    ship_server.ship("apps:destroy unmounted --confirm unmounted", check=False)


def pushed_site(server: ShipServer, app: str) -> Site:
    made = server.site(app)
    made.commit(FILES)
    pushed = made.push()
    assert pushed.status == 0, pushed.text
    return made


def ask(site: Site, path: str = "/") -> tuple[int, str]:
    return site.server.ask(f"{site.app}.{DOMAIN}", path)


def test_a_database_moves_into_the_storage_with_every_row(site: Site) -> None:
    for _ in range(3):
        assert ask(site, "/visit")[0] == 200
    assert "db.sqlite3 (SQLite, " in site.ship("storage").stderr
    said = site.ship("storage:mount db.sqlite3").stderr
    assert "db.sqlite3 is kept in the app's storage now" in said
    assert ask(site) == (200, "3")
    site.commit({"README": "more"})
    pushed = site.push()
    assert "own folder" not in pushed.text
    assert ask(site) == (200, "3")
    assert site.server.root("stat -c %U /var/lib/ship/apps/kept/storage/db.sqlite3") == "ship-kept"


def test_what_a_release_wrote_is_put_aside_as_its_own(site: Site) -> None:
    writes = "mkdir -p data/deep; echo one > data/deep/key; ln -s /etc/shadow data/shadow"
    site.ship(f"run -- sh -c '{writes}; chmod 0 data/deep/key'")
    site.commit({"README": "more", "Procfile": "web: gunicorn app:app\nrelease: mkdir data\n"})
    pushed = site.push()
    told = "\n".join(pushed.lines)
    assert "and v2 begins without that:\n !       data (4), db.sqlite3 (SQLite, " in told
    assert "`ship storage:mount data db.sqlite3 --from v1`" in pushed.text
    aside = "/var/lib/ship/apps/kept/storage/rescued/v1/data"
    assert site.server.root(f"stat -c %U:%a {aside}/deep/key") == "ship-kept:0"
    assert site.server.root(f"cat {aside}/deep/key; readlink {aside}/shadow") == "one\n/etc/shadow"
    sources = "ls -d /var/lib/ship/apps/kept/releases/*/source"
    assert site.server.root(sources).split() == ["/var/lib/ship/apps/kept/releases/v2/source"]


def test_what_a_last_request_wrote_is_put_aside_by_the_next_push(site: Site) -> None:
    storage = "/var/lib/ship/apps/kept/storage"
    held = threading.Thread(target=ask, args=(site, "/hold"))
    held.start()
    there = lambda: site.server.root(f"ls {storage} | grep -c held || true") == "1"  # noqa: E731
    site.server.machine.wait_until(there, "the request is under way", 30)
    for text in ("two", "three"):
        site.commit({"README": text})
        assert site.push().status == 0
        site.server.root(f"touch {storage}/pushed")
        held.join()
    assert site.server.root(f"cat {storage}/rescued/v1/late") == "of a last request"


def test_paths_outside_of_the_tree_are_there_for_all_processes_and_nobody_else(site: Site) -> None:
    site.ship("ps:scale worker=1")
    said = site.ship("storage:mount /data media:/app/media").stderr
    assert "/data is kept in the app's storage now (all of it)." in said
    assert ask(site, "/write/data/web")[0] == 200
    assert ask(site, "/write/app/media/web")[0] == 200
    assert ask(site, "/write/app/other")[0] == 409
    run = site.ship("run -- sh -c 'cat /data/web; cat /app/media/web; echo run > /data/media/run'")
    assert run.stdout == "webweb"
    storage = "/var/lib/ship/apps/kept/storage"
    machine = site.server.machine
    machine.wait_until(
        lambda: site.server.root(f"cat {storage}/worker || true") == "worker", "worker writes", 20
    )
    site.commit({"README": "again"})
    pushed = site.push()
    assert pushed.status == 0, pushed.text
    assert site.server.root(f"cat {storage}/phase {storage}/media/run") == "phase\nrun"
    other = site.server.site("curious")
    other.publish("page")
    seen = other.ship(
        "run -- sh -c 'ls -A /data /app /var/lib/ship/apps; cat /data/web'", check=False
    )
    assert "web" not in seen.stdout.split()
    assert "kept" not in seen.stdout.split()
    site.server.ship("apps:destroy curious --confirm curious")
    machine.reboot()
    machine.wait_until(lambda: ask(site)[0] == 200, "serves again", 60)
    assert ask(site, "/write/data/rebooted")[0] == 200
    assert site.server.root(f"cat {storage}/rebooted") == "web"
    site.ship("storage:unmount /data")
    assert ask(site, "/write/data/gone")[0] == 409
    assert site.server.root(f"cat {storage}/rebooted") == "web"
    assert ask(site, "/write/app/media/still")[0] == 200


@pytest.mark.parametrize(
    "words",
    ["/etc", "/etc/cron.d", "/", "/var/lib/x", "/usr/local/x", "/opt/ship/x", "/proc", "x:/data"],
)
def test_paths_of_the_system_are_refused(unmounted: Site, words: str) -> None:
    refused = unmounted.ship(f"storage:mount {words}", check=False)
    assert refused.returncode == 2, refused.stderr
    assert "(usage/mount-not-here)" in refused.stderr or "(usage/bad-mount)" in refused.stderr


@pytest.mark.usefixtures("mounted")
def test_links_of_an_app_give_it_nothing_that_it_may_not_have(site: Site) -> None:
    """An app that exchanges its own folders for links: root follows none of them."""
    hostile = (
        "cd $SHIP_STORAGE && mkdir -p h && rm -rf media && ln -s /etc media && ln -s "
        "/etc/shadow stolen.sqlite3"
        " && ln -s /etc rescued && ln -s /root root"
    )
    site.ship(f"run -- sh -c '{hostile}'")
    assert "shadow" not in site.ship("storage").stdout.replace("stolen.sqlite3", "")
    before = site.server.root("ls -la /etc | wc -l; stat -c %U:%a /etc /root /etc/shadow")
    assert ask(site, "/write/app/media/passwd")[0] == 409
    written = site.ship("run -- sh -c 'echo x > loot.txt; ln -s /etc loot; mkfifo pipe.sqlite3'")
    assert written.returncode == 0
    site.commit({"README": "hostile"})
    pushed = site.push()
    assert pushed.status == 0, pushed.text
    assert site.server.root("ls -la /etc | wc -l; stat -c %U:%a /etc /root /etc/shadow") == before
    site.server.root(
        "mkdir -p /home/admin && echo secret > /home/admin/notes && chmod 644 /home/admin/notes"
    )
    site.ship("run -- sh -c 'ln -s /home/admin $SHIP_STORAGE/home'")
    for words in (
        "storage:get home/notes -",
        "storage:get root/.bashrc -",
        "storage:ls home/",
        "storage:ls media/cron.d",
    ):
        refused = site.ship(words, check=False)
        assert refused.returncode != 0, words
        assert "secret" not in refused.stdout
    assert site.ship("storage:put - media/loot", input="x", check=False).returncode != 0
    assert site.server.root("ls /etc | grep -c loot || true") == "0"
    site.ship(
        "run -- sh -c 'cd $SHIP_STORAGE && rm media rescued root home stolen.sqlite3 && "
        "mkdir media'"
    )
    assert ask(site, "/write/app/media/fine")[0] == 200


@pytest.mark.usefixtures("mounted")
def test_files_travel_from_a_laptop_and_back(site: Site, tmp_path: Path) -> None:
    pictures = tmp_path / "pictures"
    (pictures / "dogs").mkdir(parents=True)
    (pictures / "cat.png").write_bytes(os.urandom(300_000))
    (pictures / "dogs" / "rex.png").write_text("rex")
    assert (
        "2 files, 300003 bytes." in ship_on_laptop(site, tmp_path, "storage:put", "pictures").stderr
    )
    assert site.ship("storage:ls pictures").stdout.split()[0] == "cat.png"
    assert (
        site.server.root("stat -c %U:%a /var/lib/ship/apps/kept/storage/pictures/cat.png")
        == "ship-kept:644"
    )
    ship_on_laptop(site, tmp_path, "storage:get", "pictures", "back")
    assert (tmp_path / "back" / "cat.png").read_bytes() == (pictures / "cat.png").read_bytes()
    assert (tmp_path / "back" / "dogs" / "rex.png").read_text() == "rex"
    assert site.ship_bytes("storage:get pictures/cat.png") == (pictures / "cat.png").read_bytes()
    ship_on_laptop(site, tmp_path, "storage:get", "db.sqlite3")
    with sqlite3.connect(tmp_path / "db.sqlite3") as database:
        database.execute("INSERT INTO visits VALUES ('/laptop')")
    ship_on_laptop(site, tmp_path, "storage:put", "db.sqlite3")
    site.ship("ps:restart web")
    assert ask(site) == (200, "4")
    again = ship_on_laptop(site, tmp_path, "storage:get", "db.sqlite3", status=2)
    assert "db.sqlite3 is there already." in again.stderr
    gone = ship_on_laptop(site, tmp_path, "storage:get", "nothing", status=65)
    assert "The storage has no nothing." in gone.stderr
    assert not (tmp_path / "nothing").exists()
    site.ship("storage:quota 1M")
    (pictures / "large").write_bytes(os.urandom(2_000_000))
    full = ship_on_laptop(site, tmp_path, "storage:put", "pictures/large", status=8)
    assert "(server/no-room)" in full.stderr
    site.ship("storage:quota none")
    asked = site.server.ship("apps:destroy kept", check=False)
    assert "Its storage holds " in asked.stderr


def ship_on_laptop(site: Site, folder: Path, *words: str, status: int = 0) -> Completed:
    """Type a command in a folder of the laptop, where ship is installed too."""
    programs = folder / "programs"
    programs.mkdir(exist_ok=True)
    _, *options = site.server.laptop.ssh_argv()
    (programs / "ssh").write_text(f'#!/bin/sh\nexec /usr/bin/ssh {shlex.join(options)} "$@"\n')
    (programs / "ssh").chmod(0o755)
    done = subprocess.run(
        (str(Path(sys.executable).parent / "ship"), *words, "-a", site.app),
        cwd=folder,
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
        env={"PATH": f"{programs}:/usr/bin:/bin", "HOME": str(folder), "SHIP_SERVER": "ship@vps"},
    )
    assert done.returncode == status, done.stdout + done.stderr
    return done


@pytest.mark.usefixtures("mounted")
def test_a_clone_has_the_mounts_and_a_storage_of_its_own(site: Site) -> None:
    server = site.server
    server.ship("apps:clone kept kept-copy --storage")
    copy = server.checkout("kept-copy")
    assert ask(copy) == ask(site) == (200, "3")
    assert ask(copy, "/write/app/media/of-the-copy")[0] == 200
    storage = "/var/lib/ship/apps/kept-copy/storage"
    assert server.root(f"cat {storage}/media/of-the-copy") == "web"
    assert server.root("ls /var/lib/ship/apps/kept/storage/media").count("of-the-copy") == 0
    server.ship("apps:destroy kept-copy --confirm kept-copy")


@pytest.mark.usefixtures("mounted")
def test_mounts_go_along_with_a_rename(site: Site) -> None:
    site.server.ship("apps:rename kept-again -a kept")
    renamed = site.server.checkout("kept-again")
    assert ask(renamed) == (200, "3")
    assert ask(renamed, "/write/app/media/renamed")[0] == 200
    storage = "/var/lib/ship/apps/kept-again/storage"
    assert site.server.root(f"cat {storage}/media/renamed") == "web"
    site.server.ship("apps:rename kept -a kept-again")
    assert ask(site, "/write/app/media/back")[0] == 200

"""An app of Piku's becomes one of Ship's: what is told is done, and what is done works."""

import subprocess
from pathlib import Path

import pytest

from receiver.state import records
from tests.embedded.embedded_server import EmbeddedServer
from tests.embedded.keyboard import Typed
from tests.embedded.pushing import wsgi

pytestmark = pytest.mark.embedded

ENV = (
    "UWSGI_PROCESSES=3\nGREETING=hello there\nNGINX_STATIC_PATHS=/static:public\n"
    "SECRET=${GREETING} you\n"
)
PROCFILE = "wsgi: app:app\nworker: sleep 1000\ncron: 0 3 * * * echo tidied\n"


def ship(server: EmbeddedServer, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        (*Typed.argv(), *words),
        cwd=folder,
        env=Typed.environment(server.root),
        text=True,
        capture_output=True,
        check=False,
        timeout=100,
        stdin=subprocess.DEVNULL,
    )


def test_an_app_is_moved(server: EmbeddedServer) -> None:
    server.create("moved")
    checkout = server.checkout("moved")
    checkout.commit(
        {
            **wsgi("moved"),
            "ENV": ENV,
            "Procfile": PROCFILE,
            "SCALING": "worker=1\n",
            "public/a.txt": "static",
        }
    )
    done = ship(server, checkout.folder, "import", "--write", "--apply", "-a", "moved")
    assert done.returncode == 0, done.stderr
    assert "hello there" not in done.stdout + done.stderr
    assert done.stderr.endswith("All of it is set. To put the app live: git push prod main\n")
    assert records.read_config(server.paths("moved").config) == {
        "GREETING": "hello there",
        "SECRET": "hello there you",
    }
    # what was told to be done by hand
    checkout.commit({"Procfile": "web: gunicorn app:app\nworker: sleep 1000\n"})
    pushed = checkout.push()
    assert pushed.status == 0, pushed.text
    assert server.ask("moved") == (200, "moved hello there")
    assert server.ask("moved", "/static/a.txt") == (200, "static")
    scale = ship(server, checkout.folder, "ps:scale", "-a", "moved").stdout
    assert scale == "web=3 worker=1\n"
    assert "0 3 * * *" in ship(server, checkout.folder, "cron", "-a", "moved").stdout
    again = ship(server, checkout.folder, "import", "--write", "--apply", "-a", "moved")
    assert again.returncode == 0, again.stderr
    assert "ship.toml lacks nothing of it" in again.stderr
    assert "This is set so already." in again.stderr
    assert server.live("moved") == 1


def test_what_the_server_refuses_ends_it(server: EmbeddedServer, tmp_path: Path) -> None:
    (tmp_path / "ENV").write_text("A=b\n")
    done = ship(server, tmp_path, "import", "--apply", "-a", "nobody")
    assert done.returncode == 20
    assert "There is no app nobody on this server." in done.stderr
    nameless = ship(server, tmp_path, "import", "--apply")
    assert (nameless.returncode, nameless.stdout) == (2, "")
    assert "(usage/no-app)" in nameless.stderr


def test_an_address_of_the_old_platform_is_told_and_not_set(
    server: EmbeddedServer, tmp_path: Path
) -> None:
    server.create("left")
    url = "postgres://u:hunter2@ec2-1-2-3-4.compute-1.amazonaws.com:5432/d"
    (tmp_path / "config.env").write_text(f"DATABASE_URL={url}\nGREETING=hi\n")
    done = ship(server, tmp_path, "import", "--config", "config.env", "--apply", "-a", "left")
    assert done.returncode == 0, done.stderr
    assert records.read_config(server.paths("left").config) == {"GREETING": "hi"}
    assert "hunter2" not in done.stdout + done.stderr
    assert done.stderr.endswith(
        "Not set, since they lead to the old platform: DATABASE_URL.\n"
        "First: ship config:set -a left DATABASE_URL=...\n"
        "Then, to put the app live: git push prod main\n"
    )


def test_config_vars_come_in_by_a_pipe(server: EmbeddedServer, tmp_path: Path) -> None:
    server.create("piped")
    (tmp_path / "config.json").write_text('{"A": "b c", "DYNO": "web.1"}')
    with (tmp_path / "config.json").open() as given:
        done = subprocess.run(
            (*Typed.argv(), "import", "--config", "-", "--apply", "-a", "piped"),
            cwd=tmp_path,
            env=Typed.environment(server.root),
            stdin=given,
            check=False,
            capture_output=True,
            text=True,
            timeout=100,
        )
    assert done.returncode == 0, done.stderr
    assert records.read_config(server.paths("piped").config) == {"A": "b c"}

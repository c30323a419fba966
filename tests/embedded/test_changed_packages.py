"""A virtualenv that begins as a copy of the last one ends as one that was made from nothing."""

from pathlib import Path

from receiver.model.names import AppName
from receiver.state import records
from tests.checkout import Checkout
from tests.embedded.embedded_server import EmbeddedServer
from tests.embedded.pushing import wsgi


def put(laptop: Checkout, text: str, requirements: str) -> str:
    laptop.commit(wsgi(text) | {"requirements.txt": requirements})
    pushed = laptop.push()
    assert pushed.status == 0, pushed.text
    return "\n".join(pushed.lines)


def venv(server: EmbeddedServer, app: AppName) -> Path:
    paths = server.server.app(app)
    version = server.live(app)
    assert version is not None
    found = records.read_release(paths, version).venv
    assert found is not None
    return Path(found)


def packages(folder: Path) -> set[str]:
    return {
        path.name.partition("-")[0]
        for path in folder.glob("lib/python3*/site-packages/*.dist-info")
    }


def test_only_what_differs_is_installed_and_what_is_not_asked_for_goes(
    server: EmbeddedServer,
) -> None:
    app = server.create("changing")
    laptop = server.checkout("changing")
    put(laptop, "one", "iniconfig==2.0.0\nidna\n")
    first = venv(server, app)
    held = packages(first)
    said = put(laptop, "two", "iniconfig==2.1.0\ntyping_extensions\n")
    second = venv(server, app)
    assert packages(second) == held - {"idna"} | {"typing_extensions"}
    assert packages(first) == held
    changed = {line.strip() for line in said.splitlines() if line.strip()[:2] in {"+ ", "- "}}
    assert {word.partition("==")[0] for word in changed} == {
        "- idna",
        "- iniconfig",
        "+ iniconfig",
        "+ typing-extensions",
    }
    assert server.ask(app) == (200, "two")


def test_no_file_is_shared_with_the_virtualenv_of_another_release(server: EmbeddedServer) -> None:
    app = server.create("apart")
    laptop = server.checkout("apart")
    put(laptop, "one", "iniconfig\n")
    first = venv(server, app)
    put(laptop, "two", "iniconfig\nidna\n")
    second = venv(server, app)
    assert first != second
    inodes = [
        {
            path.stat().st_ino
            for path in folder.rglob("*")
            if path.is_file() and not path.is_symlink()
        }
        for folder in (first, second)
    ]
    assert inodes[0] & inodes[1] == set()

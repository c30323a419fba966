"""A laptop with a checkout, and the whole way of a push to an embedded server: real git, over
HTTP."""

import tarfile
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path

from receiver.access import keys
from receiver.apps import lifecycle as apps
from receiver.deploy import releasing
from receiver.deploy.stages.requests import ConfigChange, Rollback
from receiver.model.layout import AppPaths
from receiver.model.names import AppName
from receiver.model.output import Output
from receiver.server import Server, open_server
from receiver.state import records
from tests.checkout import NOBODYS_SETTINGS, Checkout
from tests.embedded.embedded_server import EmbeddedServer, embedded_server, short_folder
from tests.embedded.keyboard import Typed, type_ship
from tests.needs import require_program

NOW = "2026-01-01T00:00:00Z"
GIT_ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", **NOBODYS_SETTINGS}

WSGI = """
import os

def app(environ, start_response):
    body = ("{text} " + os.environ.get("GREETING", "")).strip().encode()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]
"""


def wsgi(text: str) -> dict[str, str]:
    """An app without any dependency, that answers with `text` and its config var GREETING."""
    return {"app.py": WSGI.replace("{text}", text), "requirements.txt": ""}


class PushServer:
    """An embedded server with a token for pushes."""

    def __init__(self, embedded: EmbeddedServer, folder: Path) -> None:
        self.embedded = embedded
        self.folder = folder
        self.server: Server = open_server(embedded.root)
        _, self.token = keys.add_token(embedded.layout, "laptop", NOW)

    def create(self, name: str) -> AppName:
        app = AppName.parse(name)
        apps.create(self.server, app)
        return app

    def url(self, name: str, token: str | None = None) -> str:
        secret = self.token if token is None else token
        return f"http://ship:{secret}@127.0.0.1:{self.embedded.port}/git/{name}.git"

    def checkout(self, name: str, *, place: str = "checkout") -> Checkout:
        return Checkout(self.folder / f"{place}-{name}", self.url(name), GIT_ENVIRONMENT)

    def paths(self, app: str) -> AppPaths:
        return self.embedded.layout.app(AppName(app))

    def ask(self, app: str, path: str = "/") -> tuple[int, str]:
        return self.embedded.ask(app, path)

    def configure(self, app: AppName, **values: str) -> str:
        """Set config vars; returns what the person reads."""
        change = ConfigChange(app=app, by="test", number=0, values=values)
        return self._told(lambda out: releasing.reconfigure(self.server, change, out))

    def rollback(
        self, app: AppName, target: int | None = None, *, release_phase: bool | None = None
    ) -> str:
        """Roll back; returns what the person reads."""
        wish = Rollback(app=app, by="test", number=0, target=target, release_phase=release_phase)
        return self._told(lambda out: releasing.rollback(self.server, wish, out))

    def _told(self, work: Callable[[Output], object]) -> str:
        said = bytearray()
        work(Output(said.extend))
        return said.decode()

    def ship(self, *words: str, given: bytes = b"") -> Typed:
        """Type a command on this machine."""
        return type_ship(self.embedded.root, *words, given=given)

    def live(self, app: str) -> int | None:
        live = records.read_live(self.paths(app))
        return live.release if live else None

    def leftovers(self, app: str) -> list[str]:
        """What a deploy must not leave: its journal, archives, temporary files, releases without
        a record."""
        paths = self.paths(app)
        found = [paths.journal] if paths.journal.exists() else []
        found += paths.incoming.iterdir()
        found += [
            p for folder in (paths.home, paths.releases, paths.slots) for p in folder.glob(".*")
        ]
        found += [p for p in paths.releases.iterdir() if not (p / "release.json").exists()]
        found += [p for p in paths.venvs.iterdir() if p.is_dir() and not _ready(p).exists()]
        return sorted(str(path.relative_to(paths.home)) for path in found)


def _ready(venv: Path) -> Path:
    return venv.with_suffix(".ready")


@contextmanager
def push_server():
    """An embedded server that takes pushes; ended with all it started."""
    require_program("git")
    with embedded_server() as embedded, short_folder() as folder:
        yield PushServer(embedded, folder)


def archive(folder: Path, target: Path) -> None:
    """A tar file of a tree, as `git archive` would hand it to the deploy."""
    with tarfile.open(target, "w") as tar:
        for path in sorted(folder.iterdir()):
            if path.name != ".git":
                tar.add(path, arcname=path.name)

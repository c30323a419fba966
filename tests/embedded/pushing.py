"""A laptop with a checkout, and the whole way of a push to an embedded server: real git, over HTTP."""

import os
import subprocess
import tarfile
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from receiver import apps, deploy, keys, records
from receiver.model.layout import AppPaths
from receiver.model.names import AppName
from receiver.model.output import Output
from receiver.server import Server, open_server
from tests.embedded.embedded_server import EmbeddedServer, embedded_server, short_folder
from tests.needs import require_program

NOW = "2026-01-01T00:00:00Z"
GIT_ENVIRONMENT = {
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_AUTHOR_NAME": "Ada",
    "GIT_AUTHOR_EMAIL": "ada@example.com",
    "GIT_COMMITTER_NAME": "Ada",
    "GIT_COMMITTER_EMAIL": "ada@example.com",
    "LANG": "C.UTF-8",
}

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


@dataclass(frozen=True)
class Pushed:
    """How a push ended."""

    status: int
    text: str

    @property
    def lines(self) -> list[str]:
        """What the server said, without git's `remote:`."""
        marked = [line for line in self.text.splitlines() if line.startswith("remote:")]
        return [line.removeprefix("remote:").removeprefix(" ").rstrip() for line in marked]


class Checkout:
    """A repository on somebody's laptop."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        folder.mkdir()
        self.git("init", "-q", "-b", "main")
        self.git("remote", "add", "prod", url)

    def git(self, *argv: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ("git", *argv), cwd=self.folder, env=GIT_ENVIRONMENT, capture_output=True,
            text=True, check=check, stdin=subprocess.DEVNULL, timeout=100,
        )  # fmt: skip

    def commit(self, files: Mapping[str, str | bytes | None]) -> str:
        """Write (or remove, for None) files and commit them; returns the commit."""
        for name, content in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if content is None:
                path.unlink()
            else:
                path.write_bytes(content.encode() if isinstance(content, str) else content)
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", "Change")
        return self.git("rev-parse", "HEAD").stdout.strip()

    def push(self, *argv: str) -> Pushed:
        done = self.git("push", "prod", *(argv or ("main",)), check=False)
        return Pushed(done.returncode, done.stderr)

    def start_push(self, *argv: str) -> subprocess.Popen[str]:
        """A push that goes on, as the leader of a process group; the caller sees to its end."""
        return subprocess.Popen(
            ("git", "push", "prod", *(argv or ("main",))), cwd=self.folder, env=GIT_ENVIRONMENT, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip


class PushServer:
    """An embedded server with a token for pushes."""

    def __init__(self, embedded: EmbeddedServer, folder: Path) -> None:
        self.embedded = embedded
        self.folder = folder
        _take_other_ports(embedded)
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
        return Checkout(self.folder / f"{place}-{name}", self.url(name))

    def paths(self, app: str) -> AppPaths:
        return self.embedded.layout.app(AppName(app))

    def ask(self, app: str, path: str = "/") -> tuple[int, str]:
        return self.embedded.ask(app, path)

    def configure(self, app: AppName, **values: str) -> str:
        """Set config vars; returns what the person reads."""
        change = deploy.ConfigChange(app=app, by="test", number=0, values=values)
        return self._told(lambda out: deploy.reconfigure(self.server, change, out))

    def rollback(self, app: AppName, target: int | None = None) -> str:
        """Roll back; returns what the person reads."""
        wish = deploy.Rollback(app=app, by="test", number=0, target=target)
        return self._told(lambda out: deploy.rollback(self.server, wish, out))

    def _told(self, work: Callable[[Output], object]) -> str:
        said = bytearray()
        work(Output(said.extend))
        return said.decode()

    def live(self, app: str) -> int | None:
        live = records.read_live(self.paths(app))
        return live.release if live else None

    def leftovers(self, app: str) -> list[str]:
        """What a deploy must not leave: its journal, archives, temporary files, releases without a record."""
        paths = self.paths(app)
        found = [paths.journal] if paths.journal.exists() else []
        found += paths.incoming.iterdir()
        found += [
            p for folder in (paths.home, paths.releases, paths.slots) for p in folder.glob(".*")
        ]
        found += [p for p in paths.releases.iterdir() if not (p / "release.json").exists()]
        found += [p for p in paths.venvs.iterdir() if p.is_dir() and not _ready(p).exists()]
        return sorted(str(path.relative_to(paths.home)) for path in found)


def _take_other_ports(embedded: EmbeddedServer) -> None:
    """Hand out ports that no other run of the tests on this computer does."""
    first = 10_000 + os.getpid() * 200 % 20_000
    settings = records.read_server(embedded.layout)
    changed = msgspec.structs.replace(settings, first_port=first, last_port=first + 199)
    records.write_toml(embedded.layout.server_settings, changed)


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

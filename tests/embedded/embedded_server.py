"""A real embedded server: how it is started, typed at, pushed to and asked."""

import shutil
import socket
import tempfile
import threading
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Self

import msgspec
import pytest

from receiver.access import keys
from receiver.apps import lifecycle as apps
from receiver.deploy import releasing
from receiver.deploy.stages.requests import ConfigChange, Rollback
from receiver.hosts.supervisord.host import SupervisordHost
from receiver.model.layout import AppPaths, Layout
from receiver.model.names import AppName
from receiver.model.output import Output
from receiver.server import Server, open_server
from receiver.setup import embedded
from receiver.state import records
from tests.checkout import NOBODYS_SETTINGS, Checkout
from tests.embedded.by_hand import AppsByHand
from tests.embedded.keyboard import Typed, type_ship
from tests.needs import require_program
from tests.ports import PortRange, claim_range, free_port

DOMAIN = "ship.test"
NOW = "2026-01-01T00:00:00Z"
LAPTOP = "laptop"
GIT_ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", **NOBODYS_SETTINGS}


class EmbeddedServer(AppsByHand):
    """One server, and a folder for what belongs to nobody's app; `close` ends all it started."""

    def __init__(self, root: Path, folder: Path, ports: PortRange, domain: str) -> None:
        self.root, self.folder = root, folder
        self.port = free_port()
        self.layout: Layout = embedded.create(root, domain, self.port)
        hand_out(self.layout, ports)
        self.host = SupervisordHost(self.layout)

    @cached_property
    def server(self) -> Server:
        """It as the program sees it."""
        return open_server(self.root)

    @cached_property
    def token(self) -> str:
        """That of the key `laptop`, which is made when it is first asked for."""
        return keys.add_token(self.layout, LAPTOP, NOW)[1]

    @property
    def https_port(self) -> int:
        return self.server.settings.tls_port

    def speak_https(self, port: int) -> None:
        """Have it, from its start on."""
        settings = records.read_server(self.layout)
        changed = msgspec.structs.replace(settings, https_port=port)
        records.write_toml(self.layout.server_settings, changed)

    def start(self) -> embedded.Started:
        return embedded.start(self.root)

    def close(self) -> None:
        embedded.stop(self.root)

    def clear(self) -> None:
        """Take away all apps, the keys that tests made, and what they left beside the server."""
        for app in records.app_names(self.layout):
            apps.destroy(self.server, app)
        for key in keys.list_keys(self.layout):
            if key.name != LAPTOP:
                keys.remove_key(self.layout, key.name)
        shutil.rmtree(self.folder)
        self.folder.mkdir()

    def create(self, name: str) -> AppName:
        app = AppName.parse(name)
        apps.create(self.server, app)
        return app

    def url(self, name: str, token: str | None = None) -> str:
        secret = self.token if token is None else token
        return f"http://ship:{secret}@127.0.0.1:{self.port}/git/{name}.git"

    def checkout(self, name: str, *, place: str = "checkout") -> Checkout:
        return Checkout(self.folder / f"{place}-{name}", self.url(name), GIT_ENVIRONMENT)

    def publish(self, name: str, files: Mapping[str, str | bytes | None]) -> Checkout:
        """Make an app of these files and push it; fails unless that works."""
        self.create(name)
        made = self.checkout(name)
        made.commit(files)
        pushed = made.push()
        assert pushed.status == 0, pushed.text
        return made

    def paths(self, app: str) -> AppPaths:
        return self.layout.app(AppName(app))

    def ask(self, app: str, path: str = "/", *, headers: str = "") -> tuple[int, str]:
        return ask(self.port, f"{app}.{DOMAIN}", path, headers=headers)

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
        return type_ship(self.root, *words, given=given)

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


def own_name(request: pytest.FixtureRequest) -> str:
    """A name for an app of a test's own."""
    return f"app-{zlib.crc32(request.node.name.encode())}"


def hand_out(layout: Layout, ports: PortRange) -> None:
    """Have the server give its apps these ports."""
    settings = records.read_server(layout)
    changed = msgspec.structs.replace(settings, first_port=ports.first, last_port=ports.last)
    records.write_toml(layout.server_settings, changed)


def ask(port: int, host: str, path: str = "/", *, headers: str = "") -> tuple[int, str]:
    """One request on a connection of its own: status and body; status 0 stands for a lost one."""
    head, body = ask_raw(port, host, path, headers=headers)
    return (int(head.split()[1]) if head else 0), body


def ask_raw(port: int, host: str, path: str = "/", *, headers: str = "") -> tuple[str, str]:
    request = f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{headers}\r\n"
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
            connection.sendall(request.encode())
            answer = b"".join(iter(lambda: connection.recv(65536), b""))
    except OSError as error:
        return "", repr(error)
    head, _, body = answer.decode(errors="replace").partition("\r\n\r\n")
    return head, body


class Load:
    """A few clients that ask again and again, and count every answer; few, because the machine
    is shared."""

    def __init__(self, server: EmbeddedServer, app: AppName, clients: int = 3) -> None:
        self._server, self._app = server, app
        self.answers: Counter[tuple[int, str]] = Counter()
        self.longest_s = 0.0
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._client) for _ in range(clients)]

    @property
    def lost(self) -> dict[tuple[int, str], int]:
        return {answer: count for answer, count in self.answers.items() if answer[0] != 200}

    def _client(self) -> None:
        while not self._over.is_set():
            begun = time.monotonic()
            answer = self._server.ask(self._app)
            self.longest_s = max(self.longest_s, time.monotonic() - begun)
            self.answers[answer] += 1
            time.sleep(0.003)

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()


@contextmanager
def embedded_server(
    root: Path | None = None, *, domain: str = DOMAIN, https_port: int = 0
) -> Iterator[EmbeddedServer]:
    """A server that runs, in a short folder because sockets lie in it; it ends with all it
    started. With a port for it, it speaks https too.
    """
    for program in ("nginx", "git"):
        require_program(program)
    ports = claim_range()
    with short_folder() as place, short_folder() as folder:
        # with a blank, on purpose
        server = EmbeddedServer(root or place / "the root", folder, ports, domain)
        if https_port:
            server.speak_https(https_port)
        try:
            server.start()
            yield server
        finally:
            server.close()
            ports.give_back()


@contextmanager
def short_folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="ship-", dir="/tmp"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def wait_until(condition: Callable[[], bool], limit_s: float = 30.0) -> None:
    started = time.monotonic()
    while not condition():
        assert time.monotonic() - started < limit_s, "it did not happen in time"
        time.sleep(0.02)


def with_settings(server: EmbeddedServer, app: AppName, **changes: object) -> None:
    settings = msgspec.structs.replace(server.settings(app), **changes)
    records.write_toml(server.layout.app(app).settings, settings)

"""A real embedded server in a short folder, with apps laid out by hand: supervisord, nginx and
all."""

import shutil
import socket
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import msgspec

from receiver.hosts.supervisord.host import SupervisordHost
from receiver.machine import files, git
from receiver.model.layout import Layout, SlotLetter
from receiver.model.names import AppName
from receiver.model.release import Release
from receiver.model.settings import App
from receiver.model.webserver import Command, Gunicorn, Process
from receiver.nginx.sites import site_file
from receiver.setup import embedded
from receiver.state import records
from tests.needs import require_program
from tests.ports import PortRange, claim_range, free_port

DOMAIN = "ship.test"
WSGI = """
import os
def app(environ, start_response):
    if environ["PATH_INFO"] == "/echo":
        texts = ((k, v) for k, v in sorted(environ.items()) if isinstance(v, str))
        body = "\\n".join(f"{k}={v}" for k, v in texts).encode()
    else:
        body = os.environ.get("VERSION", "?").encode()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]
"""
BINDS_ITSELF = """
import http.server, os
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = ("own " + os.environ["PORT"]).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""
OWN = Command(command=f"{sys.executable} app.py")


def gunicorn(*arguments: str, workers: int = 2) -> Gunicorn:
    return Gunicorn(app="app:app", arguments=arguments, workers=workers)


class EmbeddedServer:
    """One server; `close` ends all it started."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "the root"  # with a space, on purpose
        self.port = free_port()
        self.layout: Layout = embedded.create(self.root, DOMAIN, self.port)
        self._ports = claim_range()
        hand_out(self.layout, self._ports)
        self.host = SupervisordHost(self.layout)

    def start(self) -> embedded.Started:
        return embedded.start(self.root)

    def app(self, name: str) -> AppName:
        """An app's folders and settings, and its programs."""
        app = AppName.parse(name)
        paths = self.layout.app(app)
        for folder in (paths.home, paths.run, paths.releases, paths.slots, paths.logs, paths.work):
            folder.mkdir(parents=True, exist_ok=True)
        records.write_toml(
            paths.settings,
            App(port=free_port(), port_a=free_port(), port_b=free_port(), graceful_limit_s=5),
        )
        git.create_repo(self.layout.repo(app), hooks=self.root / "no-hooks")
        self.write_units(app)
        self.host.refresh()
        return app

    def settings(self, app: AppName) -> App:
        return records.read_app(self.layout.app(app))

    def write_units(self, app: AppName) -> None:
        for file in self.host.unit_files(app, self.settings(app)):
            files.write_atomically(Path(file.path), file.text, mode=file.mode)

    def release(self, app: AppName, version: int, web: Process | None, code: str = WSGI) -> Release:
        """A release made by hand, whose `app.py` is `code`."""
        home = self.layout.app(app).release(version)
        home.source.mkdir(parents=True)
        home.source.joinpath("app.py").write_text(code)
        release = Release(
            version=version,
            app=str(app),
            commit="0" * 40,
            description="Test",
            by="test",
            created_at="",
            buildpack="python",
            python="3.11",
            venv=sys.prefix,
            processes={} if web is None else {"web": web},
        )
        records.write_json(home.record, release)
        records.write_config(home.env, {"VERSION": f"v{version}"}, mode=0o600)
        return release

    def aim(self, app: AppName, slot: SlotLetter, version: int) -> None:
        link = self.layout.app(app).slot(slot)
        files.link_atomically(link, f"../releases/v{version}")

    def route(self, app: AppName, release: Release | None, slot: SlotLetter = "a") -> None:
        """Write the app's nginx file, and have nginx read it."""
        front = embedded.front(self.layout, records.read_server(self.layout))
        file = site_file(front, app, self.settings(app), release, slot)
        files.write_atomically(Path(file.path), file.text, mode=0o644)
        files.link_atomically(self.layout.site_link(app), file.path)
        self.host.reload_nginx()

    def serve(self, name: str, web: Process | None = None) -> AppName:
        """An app with release 1 in slot a, behind nginx."""
        app = self.app(name)
        release = self.release(app, 1, web or gunicorn())
        self.aim(app, "a", 1)
        self.host.hold_socket(app)
        self.host.start(app, "a")
        self.host.enable(app, "a")
        self.route(app, release)
        return app

    def ask(self, app: str, path: str = "/", *, headers: str = "") -> tuple[int, str]:
        return ask(self.port, f"{app}.{DOMAIN}", path, headers=headers)

    def close(self) -> None:
        embedded.stop(self.root)
        self._ports.give_back()


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
def embedded_server() -> Iterator[EmbeddedServer]:
    """A server that runs; its folder is short because sockets lie in it."""
    require_program("nginx")
    with short_folder() as folder:
        server = EmbeddedServer(folder)
        try:
            server.start()
            yield server
        finally:
            server.close()


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

"""Apps of an embedded server that are laid out by hand, without a push."""

import sys
from pathlib import Path

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
from tests.ports import free_port

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


class AppsByHand:
    """The part of a server that makes such apps."""

    root: Path
    layout: Layout
    host: SupervisordHost

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

"""The demo: everything set up under one folder, an example pushed, changed, and rolled back,
told as it goes.

What it prints as commands is what it runs: real git pushes, over HTTP, to a server that stays up.
"""

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec

from receiver.access import keys
from receiver.apps import lifecycle as apps
from receiver.apps import ports as app_ports
from receiver.deploy import detached
from receiver.deploy.releasing import rollback
from receiver.deploy.stages.requests import Rollback
from receiver.health import ask as health
from receiver.health.answers import Question
from receiver.machine import files, shell
from receiver.model.errors import ShipError
from receiver.model.layout import Layout
from receiver.model.names import AppName
from receiver.model.output import Output
from receiver.model.release import Release
from receiver.server import Server, open_server
from receiver.setup import embedded
from receiver.state import records

_APP = AppName("hello")
_KEY = "demo"
_DOMAIN = "localhost"
_FIRST_PORT, _LAST_PORT = 8080, 8180
_GIT_LIMIT_S = 60.0


_ROLLED_BACK = 3
"""The release that a rollback makes, after two pushes."""


class Demo(msgspec.Struct, frozen=True):
    """One run of it."""

    root: Path
    example: Path
    say: Callable[[str], object]
    fresh: bool = False
    """Whether it begins anew, although an earlier run came to its end."""

    @property
    def checkout(self) -> Path:
        return self.root / "demo" / _APP

    def run(self) -> None:
        """Set up, push, change, roll back; leaves the server running. Once that was done, only the
        server is started: what somebody tried out since stays.

        Raises:
            ShipError: a step failed; what was set up stays for a look
        """
        server = self._start()
        known = _APP in records.app_names(server.layout)
        if known and not self.fresh and _was_shown(server):
            self._step("The demo was shown here before")
            self.say("       What you changed since is kept. To start over, add --fresh.")
            self._tell_what_next(server)
            return
        self._step("Making the app hello")
        if known:
            apps.destroy(server, _APP, frozen_too=True)
        apps.create(server, _APP)
        self._check_out(server)
        self._push(server, "1")
        self._step("Changing VERSION in app.py from 1 to 2")
        self._push(server, "2")
        self._roll_back(server, "1")
        self._step("Done: the page was pushed, changed and rolled back")
        self._tell_what_next(server)

    def _start(self) -> Server:
        layout = Layout.embedded(self.root)
        self._step(f"Starting a server below {self.root}")
        port = _known_port(layout) or app_ports.free_ports(layout, _FIRST_PORT, _LAST_PORT, 1)[0]
        embedded.create(self.root, _DOMAIN, port)
        started = embedded.start(self.root)
        self.say(
            f"       supervisord, nginx on port {port} and the receiver run (process "
            f"{started.pid})."
        )
        return open_server(self.root)

    def _check_out(self, server: Server) -> None:
        """A repository with the example, and the token where git finds it but no command line
        shows it.
        """
        self.checkout.parent.mkdir(exist_ok=True)
        files.remove_tree(self.checkout)
        shutil.copytree(self.example, self.checkout)
        address = f"127.0.0.1:{server.settings.http_port}"
        token = _fresh_token(server)
        credentials = self.root / "demo" / "credentials"
        files.write_atomically(credentials, f"http://ship:{token}@{address}\n", mode=0o600)
        self._git("init", "--quiet", "--initial-branch=main")
        self._git("config", "credential.helper", f"store --file='{credentials}'")
        self._git("config", "user.name", "Demo")
        self._git("config", "user.email", "demo@localhost")
        self._git("remote", "add", "prod", f"http://{address}/git/{_APP}.git")

    def _push(self, server: Server, version: str) -> None:
        code = self.checkout / "app.py"
        text = code.read_text(encoding="utf-8")
        code.write_text(text.replace('VERSION = "1"', f'VERSION = "{version}"'), encoding="utf-8")
        self._git("add", "--all")
        self._git("commit", "--quiet", "--message", f"Version {version}")
        self.say("\n$ git push prod main")
        argv = ("git", "-C", str(self.checkout), "push", "prod", "main")
        push = shell.start(argv, env=_ENVIRONMENT)
        if shell.pump(push, self._show):
            raise ShipError("The push of the demo failed; its output stands above.")
        self._ask(server, version)

    def _roll_back(self, server: Server, version: str) -> None:
        self.say("\n$ ship rollback --app hello")

        def work(out: Output, number: int) -> Release:
            return rollback(server, Rollback(app=_APP, by=_KEY, number=number), out)

        request = detached.Request(app=_APP, by=_KEY, commit="", description="Rollback")
        if detached.run_detached(server, request, work, self._show):
            raise ShipError("The rollback of the demo failed; its output stands above.")
        self._ask(server, version)

    def _ask(self, server: Server, version: str) -> None:
        """Ask for the page as a visitor would, show the line that tells, and believe nothing
        else.
        """
        address = ("127.0.0.1", server.settings.http_port)
        self.say(f"\n$ curl {server.url(_APP)}/ | grep version")
        answer = health.ask(address, Question("/", server.address(_APP), (200,)), limit_s=10.0)
        self.say(next((line for line in answer.body.splitlines() if "version" in line), ""))
        if f"version {version} " not in answer.body:
            raise ShipError(f"The page is not that of version {version}.", detail=answer.body)

    def _tell_what_next(self, server: Server) -> None:
        ship = Path(sys.executable).with_name("ship")
        self.say(
            f"""       The server goes on running.
       See it:        {server.url(_APP)}/
       Change it:     cd {self.checkout}
                      edit app.py, git commit -a, git push prod main
       Look around:   export SHIP_ROOT={self.root} PATH={ship.parent}:$PATH
                      ship releases -a hello · ship logs -a hello · \
ship config:set -a hello GREETING=Hi
       Stop it:       SHIP_ROOT={self.root} {ship} server:stop"""
        )

    def _git(self, *argv: str) -> None:
        shell.capture(
            ("git", "-C", str(self.checkout), *argv), env=_ENVIRONMENT, limit_s=_GIT_LIMIT_S
        )

    def _step(self, title: str) -> None:
        self.say(f"-----> {title}")

    def _show(self, chunk: bytes) -> None:
        sys.stdout.buffer.write(chunk)
        sys.stdout.buffer.flush()


def _was_shown(server: Server) -> bool:
    """Whether an earlier run came to its end, which is the rollback."""
    live = records.read_live(server.app(_APP))
    return live is not None and live.release >= _ROLLED_BACK


def _known_port(layout: Layout) -> int | None:
    if not layout.server_settings.exists():
        return None
    return records.read_server(layout).http_port


def _fresh_token(server: Server) -> str:
    if any(key.name == _KEY for key in keys.list_keys(server.layout)):
        keys.remove_key(server.layout, _KEY)
    return keys.add_token(server.layout, _KEY, server.clock.stamp(), "admin")[1]


_ENVIRONMENT = {
    **shell.PLAIN_ENVIRONMENT,
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_TERMINAL_PROMPT": "0",
}
"""Git asks nobody, and reads nobody's settings: the demo does the same everywhere."""

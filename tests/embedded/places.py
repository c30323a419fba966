"""Places where commands are typed: the machine of an embedded server, and a laptop that only has
ssh and git.
"""

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.embedded.embedded_server import EmbeddedServer, embedded_server
from tests.embedded.keyboard import BIN, SHIP, Typed, put_for_ssh, type_words


@contextmanager
def plain_server(folder: Path) -> Iterator[EmbeddedServer]:
    """One whose folder needs no quotes where commands show it."""
    with embedded_server(folder / "r", domain="apps.test") as server:
        yield server


@dataclass
class Place:
    """Somewhere commands are typed."""

    server: EmbeddedServer
    folder: Path
    environment: dict[str, str]
    ssh_log: Path

    @property
    def root(self) -> Path:
        return self.server.root

    @property
    def port(self) -> int:
        return self.server.port

    def type(self, *words: str | bytes, given: bytes = b"", env: Mapping[str, str] = {}) -> Typed:
        return type_words(words, {**self.environment, **env}, self.folder, given)

    def ship(self, *words: str | bytes, given: bytes = b"") -> Typed:
        return self.type(str(SHIP), *words, given=given)

    def session(self, *lines: str) -> str:
        """What somebody sees who types these lines into a shell; times and the port are masked."""
        seen = ""
        for line in lines:
            done = self.type("bash", "-c", f"exec 2>&1; {line}", env={"PATH": self.path})
            text = done.raw.decode(errors="replace")
            for pattern, name in self._masks():
                text = re.sub(pattern, name, text)
            seen += f"$ {line}\n{text}" + (f"[{done.status}]\n" if done.status else "")
        return seen

    def _masks(self) -> Iterable[tuple[str, str]]:
        """What another run or machine would write differently."""
        home = re.escape(self.environment["HOME"])
        return (
            (r"\d{4}-\d\d-\d\dT[\d:]+Z", "TIME"),
            (r"\b[0-9a-f]{7}\b(?=[ ,.])", "COMMIT"),
            (re.escape(str(self.root)), "ROOT"),
            (f"{home}/ship-config-[^/]*", "FOLDER"),
            (home, "HOME"),
            (f":{self.port}", ":PORT"),
        )

    @property
    def path(self) -> str:
        """PATH, in which `ship` is found too."""
        return f"{self.environment['PATH']}:{BIN}"

    def git(self, *words: str) -> Typed:
        return self.type("git", "-c", "user.name=a", "-c", "user.email=a@b", *words)


def on_the_server(server: EmbeddedServer, home: Path) -> Place:
    """On the machine of the server."""
    environment = {**Typed.environment(server.root), "HOME": str(home)}
    return Place(server, home, environment, home / "none")


def on_a_laptop(server: EmbeddedServer, home: Path, app: Path) -> Place:
    """In a checkout of a copy of `app`, on a laptop which has no ship server; ssh leads to the gate
    by the key `laptop`, an admin's.
    """
    assert server.token
    log, ssh = home / "ssh.log", home / "bin" / "ssh"
    put_for_ssh(ssh, server.root, log)
    checkout = home / "blog"
    checkout.mkdir()
    environment = {"PATH": f"{ssh.parent}:{os.environ['PATH']}", "HOME": str(home)}
    place = Place(server, checkout, environment, log)
    assert place.git("init", "-q", "-b", "main").status == 0
    place.type("cp", "-R", f"{app}/.", ".")
    assert place.git("add", "-A").status == 0
    assert place.git("commit", "-q", "-m", "one").status == 0
    return place

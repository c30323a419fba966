"""Places where commands are typed: the machine of an embedded server, and a laptop that only has
ssh and git.

In place of ssh stands a program that notes its command line and starts the real gate; sshd itself
has its turn in tests/vps.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from receiver.access import keys
from receiver.model.layout import Layout
from receiver.setup import embedded
from tests import needs, ports
from tests.embedded.embedded_server import hand_out

BIN = Path(sys.executable).parent
FAKE_SSH = """#!/bin/sh
printf '%s\\n' "$@" >>'{log}'
for last; do :; done
SHIP_ROOT='{root}' SSH_ORIGINAL_COMMAND="$last" exec '{gate}' --key laptop
"""


@dataclass
class Done:
    status: int
    out: bytes
    err: str


@dataclass
class Place:
    """Somewhere commands are typed."""

    folder: Path
    environment: dict[str, str]
    root: Path
    ssh_log: Path
    port: int
    extra: dict[str, str] = field(default_factory=dict)

    def type(self, *words: str | bytes, given: bytes = b"", env: Mapping[str, str] = {}) -> Done:
        done = subprocess.run(
            words,
            cwd=self.folder,
            env={**self.environment, **env},
            input=given,
            capture_output=True,
            timeout=100,
            check=False,
        )
        return Done(done.returncode, done.stdout, done.stderr.decode(errors="replace"))

    def ship(self, *words: str | bytes, given: bytes = b"") -> Done:
        return self.type(str(BIN / "ship"), *words, given=given)

    def session(self, *lines: str) -> str:
        """What somebody sees who types these lines into a shell; times and the port are masked."""
        seen = ""
        for line in lines:
            done = self.type("bash", "-c", f"exec 2>&1; {line}", env={"PATH": self.path})
            text = done.out.decode(errors="replace")
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

    def git(self, *words: str) -> Done:
        return self.type("git", "-c", "user.name=a", "-c", "user.email=a@b", *words)


@contextmanager
def an_embedded_server(folder: Path) -> Iterator[tuple[Path, int]]:
    """One that runs below `folder`, whose key `laptop` is an admin; its folder and port."""
    needs.require_program("nginx")
    port, own = ports.free_port(), ports.claim_range()
    hand_out(embedded.create(folder, "apps.test", port), own)
    embedded.start(folder)
    # an admin, as the first
    keys.add_token(Layout.embedded(folder), "laptop", "2026-01-01T00:00:00Z")
    yield folder, port
    embedded.stop(folder)
    own.give_back()


def on_the_server(root: Path, port: int, home: Path) -> Place:
    """On the machine of the server."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), "SHIP_ROOT": str(root)}
    return Place(home, environment, root, home / "none", port)


def on_a_laptop(root: Path, port: int, home: Path, app: Path) -> Place:
    """In a checkout of a copy of `app`, on a laptop which has no ship server; ssh leads to the
    gate."""
    log, ssh = home / "ssh.log", home / "bin" / "ssh"
    ssh.parent.mkdir()
    ssh.write_text(FAKE_SSH.format(log=log, root=root, gate=BIN / "ship-gate"))
    ssh.chmod(0o755)
    checkout = home / "blog"
    checkout.mkdir()
    environment = {"PATH": f"{ssh.parent}:{os.environ['PATH']}", "HOME": str(home)}
    place = Place(checkout, environment, root, log, port)
    assert place.git("init", "-q", "-b", "main").status == 0
    place.type("cp", "-R", f"{app}/.", ".")
    assert place.git("add", "-A").status == 0
    assert place.git("commit", "-q", "-m", "one").status == 0
    return place

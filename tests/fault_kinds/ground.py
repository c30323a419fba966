"""The app that faults are done to, and what has to be true of it after each."""

import os
import random
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, NamedTuple, TypeVar

from receiver.machine import git, git_leftovers
from receiver.model.names import AppName
from receiver.state import builds, records
from tests.checkout import Checkout, Pushed
from tests.embedded.embedded_server import GIT_ENVIRONMENT, EmbeddedServer, embedded_server
from tests.embedded.keyboard import put_for_ssh
from tests.embedded.pushing import SERVE

QUIET_LIMIT_S = 120.0
SERVED_LIMIT_S = 5.0
GUARD_LIMIT_S = 20.0
_ASKED_IN_A_ROW = 8
_REJECTED = "[remote rejected]"
FAULTS_OF_SHIP = ("Traceback", "Ship failed", "internal/")
"""Words that nobody may read, whatever was done."""


class Fault(NamedTuple):
    """A fault that was done."""

    what: str
    lies: list[str]
    """Where two things that should agree do not: verdict, branch, live.json, builds, pages."""


@dataclass
class Ground:
    """An app on an embedded server, its checkout, and which commit answers with which text.

    Each push to it is a handover: it has no gunicorn whose workers could be swapped in place.
    """

    server: EmbeddedServer
    app: AppName
    texts: dict[str, str] = field(default_factory=dict)
    laptops: list[Checkout] = field(default_factory=list)
    usual_s: float = 1.5
    """How long a push takes to which nothing is done; a busy computer needs longer."""

    def begin(self) -> None:
        """Have a first release live.

        Raises:
            RuntimeError: the push failed, so that no fault can be judged
        """
        self.commit()
        pushed = self.push()
        if pushed.status:
            raise RuntimeError(f"The first push failed:\n{pushed.text}")

    def push(self) -> Pushed:
        """Push what was committed last, and learn how long that takes on this computer now."""
        begun_s = time.monotonic()
        pushed = self.laptop().push("+main")
        self.usual_s = (self.usual_s + time.monotonic() - begun_s) / 2
        return pushed

    def laptop(self, number: int = 0) -> Checkout:
        while len(self.laptops) <= number:
            folder = self.server.folder / f"{self.app}-{len(self.laptops)}"
            ssh = self.server.folder / "bin" / "ssh"
            if not ssh.exists():
                assert self.server.token, "the first key is an admin's"
                put_for_ssh(ssh, self.server.root, self.server.folder / "ssh.log")
            environment = {**GIT_ENVIRONMENT, "GIT_SSH_COMMAND": f"'{ssh}'"}
            environment["PATH"] = os.environ["PATH"]
            self.laptops.append(Checkout(folder, f"ship@host:{self.app}", environment))
        return self.laptops[number]

    def commit(self, number: int = 0) -> str:
        """Commit an app with a text of its own; returns the commit."""
        text = f"text-{len(self.texts)}"
        files = {"Procfile": "web: python3 serve\n", "serve": SERVE.replace("{text}", text)}
        made = self.laptop(number).commit(files)
        self.texts[made] = text
        return made

    @contextmanager
    def pushing(self, number: int = 0) -> Iterator[subprocess.Popen[str]]:
        client = self.laptop(number).start_push("+main")
        try:
            yield client
        finally:
            if client.poll() is None:  # else its group is what the gate left at work, such as git
                with suppress(ProcessLookupError):
                    os.killpg(client.pid, signal.SIGKILL)
            client.wait()
            if client.stdout is not None:
                client.stdout.close()

    def actors(self) -> dict[str, list[int]]:
        """The processes of pushes to this server, by what they do."""
        found: dict[str, list[int]] = {}
        for folder in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                role = self._role(folder)
                if role:
                    found.setdefault(role, []).append(int(folder.name))
        return found

    def _role(self, process: Path) -> str | None:
        words = (process / "cmdline").read_bytes().decode(errors="replace").split("\0")
        ours = f"SHIP_ROOT={self.server.root}".encode() in (process / "environ").read_bytes()
        if not ours:
            return None
        names = [Path(word).name for word in words]
        if "ship-deploy" in names and "push" in names:
            pid = int(process.name)
            return "deploy" if os.getsid(pid) == pid else "follower"
        known = {"ship-gate": "gate", "post-receive": "hook", "archive": "archive"}
        return next((role for name, role in known.items() if name in names), None)

    @property
    def paths(self):
        return self.server.paths(self.app)

    def live_commit(self) -> str | None:
        version = self.server.live(self.app)
        return records.read_release(self.paths, version).commit if version else None

    def tip(self, wanted: str | None) -> str | None:
        """Where the branch is, once the guard of a push has done what there was to do.

        Nothing is waited for where it is as wanted already.
        """
        repo = self.server.layout.repo(self.app)
        ends_at = time.monotonic() + GUARD_LIMIT_S
        while (tip := git.resolve_commit(repo, "main")) != wanted:
            if not git_leftovers.notes(repo) or time.monotonic() > ends_at:
                return git.resolve_commit(repo, "main")
            time.sleep(0.05)
        return tip

    def await_quiet(self) -> bool:
        """Wait until nobody is at work on the app any more; whether that came."""
        ends_at = time.monotonic() + QUIET_LIMIT_S
        while time.monotonic() < ends_at:
            if not self.actors():
                return True
            time.sleep(0.02)
        return False

    def lies(self, said: dict[str, Pushed], served_by_s: float | None = None) -> list[str]:
        """What does not agree, once nobody is at work.

        Args:
            said: what each commit's push was told
            served_by_s: when the live release has to serve alone, by the monotonic clock
        """
        if not self.await_quiet():
            return ["somebody is still at work"]
        limit_s = SERVED_LIMIT_S + time.monotonic() if served_by_s is None else served_by_s
        live = self.live_commit()
        found = [] if live is None else self._wrong_pages(self.texts[live], limit_s)
        tip = self.tip(live)
        if tip != live:
            found.append(f"the branch is at {tip}, and {live} is live")
        if self.paths.unfinished.exists():
            found.append("its journal is still there")
        for commit, pushed in said.items():
            found += self._wrong_verdict(commit, pushed, live)
        return found

    def lies_or_lost(
        self, commit: str, said: Pushed, served_by_s: float | None = None
    ) -> list[str]:
        """The same of one push; and whether it can be made again, where it did not go live."""
        found = self.lies({commit: said}, served_by_s)
        if found or self.live_commit() == commit:
            return found
        again = self.push()
        found = self.lies({commit: again})
        return found if again.status == 0 else [*found, f"the next push failed: {again.text}"]

    def wrong_pages(self) -> list[str]:
        """Where visitors get something else than the live release, now."""
        live = self.live_commit()
        return [] if live is None else self._wrong_pages(self.texts[live], time.monotonic())

    def _wrong_pages(self, text: str, until_s: float) -> list[str]:
        while True:
            seen = {self.server.ask(self.app) for _ in range(_ASKED_IN_A_ROW)}
            if seen == {(200, text)}:
                return []
            if time.monotonic() > until_s:
                return [f"{text} is live, and visitors get {sorted(seen)}"]
            time.sleep(0.05)

    def _wrong_verdict(self, commit: str, pushed: Pushed, live: str | None) -> list[str]:
        made = [it for it in builds.newest_first(self.paths) if it.commit == commit]
        newest = made[0].status if made else "none"
        stood = bool(made) and made[0].release is not None
        found = []
        if _REJECTED in pushed.text and commit == live:
            found.append("the push was rejected, and is live")
        if "post-receive: line" in pushed.text:
            found.append("the push shows lines of a hook")
        if pushed.status == 0 and commit != live and not stood:
            found.append("the push was accepted, and is not live")
        if commit == live and newest != "succeeded":
            found.append(f"its build is {newest}, and it is live")
        return [f"{line} ({commit[:7]}: {pushed.text[-300:]!r})" for line in found]


def ended(client: subprocess.Popen[str]) -> Pushed:
    said, _ = client.communicate(timeout=QUIET_LIMIT_S)
    return Pushed(client.returncode, said)


@contextmanager
def a_ground(root: Path | None = None) -> Iterator[Ground]:
    """An embedded server of its own, with an app that is live."""
    with embedded_server(root) as server:
        assert server.token, "the first key is an admin's"
        ground = Ground(server, AppName("ground"))
        server.create(ground.app)
        ground.begin()
        yield ground


Stage = TypeVar("Stage")


@dataclass(frozen=True)
class Kind(Generic[Stage]):
    """A kind of fault."""

    name: str
    usual: int
    about: str
    do: Callable[[Stage, random.Random], Fault]
    stage: Callable[[], AbstractContextManager[Stage]]
    """What it is done to; a lane has one for all its faults."""

    @property
    def needs_root(self) -> bool:
        """Whether a file system is mounted for it, or a machine booted."""
        return self.stage is not a_ground

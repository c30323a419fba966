"""What is compared: a side is a place to push to, and where its page is seen."""

import json
import shlex
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, Self

from bench import clients
from bench.tiny import BRANCH, Tree

POLL_EVERY_S = 0.01
LIMIT_S = 120.0


@dataclass(frozen=True)
class Took:
    """How long a change took, from the moment it was typed."""

    live_s: float | None
    """Until its page was seen from outside; None when it never was, or there is none."""
    returned_s: float
    status: int
    """Exit status of the command that was typed."""
    said: str


@dataclass(frozen=True)
class Side:
    """A remote, the checkout that is pushed to it, and the address of its page."""

    name: str
    tree: Tree
    remote: str
    page: tuple[str, int, str] | None
    """Address, port and Host header; None for the floor, which has no page."""
    environment: Mapping[str, str]

    def push(self, shown: str | None) -> Took:
        """Push what was committed; wait until the page shows it."""
        argv = ("git", "-C", str(self.tree.folder), "push", self.remote, BRANCH)
        return self.do(argv, shown)

    def do(self, argv: Sequence[str], shown: str | None) -> Took:
        """Run a command; wait until the page shows what it brings about."""
        began = time.monotonic()
        poller = Poller(lambda: self.shows(shown or ""))
        with poller if self.page and shown else nullcontext():
            done = subprocess.run(
                argv,
                env=dict(self.environment),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
                timeout=LIMIT_S,
            )
            returned = time.monotonic()
            poller.limit_s = 0.5 if done.returncode else LIMIT_S
        live = None if poller.seen_at is None else poller.seen_at - began
        return Took(live, returned - began, done.returncode, done.stdout)

    def shows(self, text: str) -> bool:
        return text in self.ask()[1]

    def ask(self) -> tuple[str, str]:
        """Status (or the name of an error) and body of the page."""
        if self.page is None:
            return "none", ""
        return clients.ask(*self.page)

    def load(self) -> "Load":
        """Clients that ask for the page for as long as the context lasts."""
        if self.page is None:
            raise ValueError(f"{self.name} has no page.")
        return Load(self.page)


class Poller:
    """Looks again and again whether something is so, and notes when it was so first."""

    def __init__(self, is_so: Callable[[], bool]) -> None:
        self._is_so = is_so
        self._began = time.monotonic()
        self.limit_s = LIMIT_S
        self.seen_at: float | None = None
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.join()

    def _look(self) -> None:
        while time.monotonic() - self._began < self.limit_s:
            if self._is_so():
                self.seen_at = time.monotonic()
                return
            time.sleep(POLL_EVERY_S)


class Load:
    """Runs the clients as a program of their own; `told` is what they saw."""

    def __init__(self, page: tuple[str, int, str]) -> None:
        self._argv = (sys.executable, "-m", "bench.clients", *map(str, page))
        self.told: dict[str, Any] = {}

    def __enter__(self) -> Self:
        self._program = subprocess.Popen(
            self._argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        time.sleep(1)
        return self

    def __exit__(self, *_: object) -> None:
        out = self._program.communicate("", timeout=LIMIT_S)[0]
        if self._program.returncode:
            raise RuntimeError(f"{shlex.join(self._argv)} failed")
        self.told = json.loads(out)

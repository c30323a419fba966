"""`ship local` in a checkout, as its own session leader: typed, asked through its port,
interrupted and killed."""

import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.checkout import NOBODYS_SETTINGS, Checkout
from tests.embedded.embedded_server import ask, wait_until
from tests.embedded.keyboard import SHIP
from tests.ports import free_port

LIMIT_S = 40.0


class LocalRun:
    """One run; whoever starts it sees to its end."""

    def __init__(self, folder: Path, home: Path, *words: str, port: int | None = None) -> None:
        self.port = port or free_port()
        self.log = home / f"local.{self.port}.log"
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                (SHIP, "local", "-p", str(self.port), *words),
                cwd=folder,
                env=environment(home),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def said(self) -> str:
        return self.log.read_text(errors="replace")

    def ask(self, path: str = "/") -> tuple[int, str]:
        return ask(self.port, f"localhost:{self.port}", path)

    def says(self, text: str) -> None:
        """Wait until it has written this."""
        wait_until(lambda: text in self.said or self.process.poll() is not None, LIMIT_S)
        assert text in self.said, self.said

    def shows(self, text: str, path: str = "/") -> None:
        """Wait until the page holds this."""
        try:
            wait_until(
                lambda: text in self.ask(path)[1] or self.process.poll() is not None, LIMIT_S
            )
            assert self.process.poll() is None
        except AssertionError:
            raise AssertionError(f"{self.ask(path)}\n{self.said}") from None

    def reloads(self) -> int:
        return len(re.findall(r"Reloaded in", self.said))

    def family(self) -> set[int]:
        """All processes below it."""
        parents = dict(_parents())
        found, waiting = set[int](), [self.process.pid]
        while waiting:
            parent = waiting.pop()
            waiting += [pid for pid, above in parents.items() if above == parent]
            found |= {pid for pid, above in parents.items() if above == parent}
        return found

    def end(self, sent: signal.Signals = signal.SIGINT) -> int:
        """Send it a signal; returns its exit status."""
        self.process.send_signal(sent)
        return self.process.wait(LIMIT_S)


def gone(pids: set[int]) -> None:
    """Wait until none of these processes is there."""
    wait_until(lambda: not pids & {pid for pid, _ in _parents()}, LIMIT_S)


@contextmanager
def running(folder: Path, home: Path, *words: str, port: int | None = None) -> Iterator[LocalRun]:
    run = LocalRun(folder, home, *words, port=port)
    try:
        yield run
    finally:
        if run.process.poll() is None:
            run.end(signal.SIGTERM)


@contextmanager
def checkout(files: Mapping[str, str]) -> Iterator[Checkout]:
    """A repository with one commit."""
    with folder() as place:
        made = Checkout(place / "demo", "ship@example.com:demo", {**os.environ, **NOBODYS_SETTINGS})
        made.commit({".gitignore": "__pycache__/\n.env\n", **files})
        yield made


@contextmanager
def folder() -> Iterator[Path]:
    found = Path(tempfile.mkdtemp(prefix="ship-local-"))
    try:
        yield found
    finally:
        with suppress(FileNotFoundError):
            shutil.rmtree(found)


def environment(home: Path) -> dict[str, str]:
    """That of somebody who has other things set too."""
    return {"PATH": os.environ["PATH"], "HOME": str(home), "VIRTUAL_ENV": "/nowhere", "OWN": "1"}


def type_ship(folder: Path, home: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        (SHIP, *words),
        cwd=folder,
        env=environment(home),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=LIMIT_S,
    )


def _parents() -> Iterator[tuple[int, int]]:
    """Every process with its parent, but for those that have ended."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            fields = stat.read_text(errors="replace").rpartition(")")[2].split()
            if fields[0] not in {"Z", "X"}:
                yield int(stat.parent.name), int(fields[1])

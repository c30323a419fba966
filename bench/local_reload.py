"""From a saved file to the page that shows it: `ship local` beside `flask run --reload` and
`uvicorn --reload`.

Run it as `python -m bench.local_reload [ROUNDS]`. The sides take turns on one machine, each on a
copy of the same app.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bench import clients
from tests.ports import free_port

SHIP = Path(sys.executable).with_name("ship")
FLASK = """
from flask import Flask
app = Flask(__name__)
@app.get("/")
def index():
    return "edition {edition}"
"""
ASGI = """
async def app(scope, receive, send):
    if scope["type"] == "http":
        await send({{"type": "http.response.start", "status": 200, "headers": []}})
        await send({{"type": "http.response.body", "body": b"edition {edition}"}})
"""
LIMIT_S = 60.0
PAUSE_S = 1.5
"""Between two saves: nobody saves faster, and all have come to rest."""


@dataclass
class Side:
    """One way to run an app."""

    name: str
    folder: Path
    port: int
    code: str
    edition: int = 0

    def save(self) -> float:
        """Save the next edition; returns the seconds until the page shows it."""
        self.edition += 1
        began = time.monotonic()
        (self.folder / "app.py").write_text(self.code.format(edition=self.edition))
        self.await_edition()
        return time.monotonic() - began

    def await_edition(self) -> None:
        ends_at = time.monotonic() + LIMIT_S
        wanted = f"edition {self.edition}"
        while not clients.ask("127.0.0.1", self.port, "localhost")[1].endswith(wanted):
            if time.monotonic() > ends_at:
                raise TimeoutError(f"{self.name} does not show {wanted}.")
            time.sleep(0.01)


def main(rounds: int) -> None:
    """Measure and print."""
    times: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as scratch, ExitStack() as running:
        sides = [running.enter_context(side) for side in _sides(Path(scratch))]
        for _ in range(rounds):
            for side in sides:
                times.setdefault(side.name, []).append(side.save())
                time.sleep(PAUSE_S)
    for name, found in times.items():
        print(f"{name:<34} median {statistics.median(found):.2f} s  slowest {max(found):.2f} s")


def _sides(scratch: Path) -> Iterator[AbstractContextManager[Side]]:
    for package, code, theirs in (
        ("flask", FLASK, ("flask", "run", "--reload", "-p")),
        ("uvicorn", ASGI, ("uvicorn", "app:app", "--reload", "--port")),
    ):
        folder = scratch / f"ship-{package}"
        line = (
            "web: gunicorn -k uvicorn_worker.UvicornWorker app:app\n"
            if package == "uvicorn"
            else "web: gunicorn app:app\n"
        )
        needs = f"{package}\nuvicorn-worker\n" if package == "uvicorn" else f"{package}\n"
        _write(folder, {"requirements.txt": needs, "Procfile": line})
        other = scratch / f"own-{package}"
        _write(other, {})
        port = free_port()
        ours = partial(_ship, port)
        yield _run(Side(f"ship local ({package})", folder, port, code), ours)
        port = free_port()
        own = partial(_theirs, folder, theirs, port)
        yield _run(Side(" ".join(theirs[:-1]), other, port, code), own)


def _ship(port: int) -> tuple[str, ...]:
    return (str(SHIP), "local", "-p", str(port))


def _theirs(folder: Path, words: Sequence[str], port: int) -> tuple[str, ...]:
    """The same app by its framework's own server, in the virtualenv that `ship local` made."""
    (program,) = folder.glob(f".ship/venvs/*/bin/{words[0]}")
    return (str(program), *words[1:], str(port))


@contextmanager
def _run(side: Side, argv: Callable[[], tuple[str, ...]]) -> Iterator[Side]:
    (side.folder / "app.py").write_text(side.code.format(edition=0))
    process = subprocess.Popen(
        argv(),
        cwd=side.folder,
        env=dict(os.environ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        side.await_edition()
        yield side
    finally:
        process.terminate()
        process.wait(LIMIT_S)


def _write(folder: Path, files: dict[str, str]) -> None:
    folder.mkdir(parents=True)
    for name, text in files.items():
        (folder / name).write_text(text)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10)

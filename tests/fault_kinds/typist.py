"""Types commands of `ship` in forks of a process where it is imported already: a week of them has
no time for a start of Python each.
"""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Self

_HOME = Path(__file__).parents[2]


class Typist:
    """Somebody at the machine of a server, who types one command after the other."""

    def __init__(self, root: Path, said: Path) -> None:
        self._said = said
        self._types = subprocess.Popen(
            (sys.executable, "-m", "tests.fault_kinds.typist", str(said)),
            cwd=_HOME,
            env={**os.environ, "SHIP_ROOT": str(root)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def begin(self, *words: str) -> int:
        """Begin a command; returns the process that does it."""
        assert self._types.stdin is not None
        self._types.stdin.write(json.dumps(words) + "\n")
        self._types.stdin.flush()
        return self._next()

    def end(self) -> tuple[int, str]:
        """Wait for its end; returns its exit status, negative after a signal, and what it said."""
        return self._next(), self._said.read_text(encoding="utf-8")

    def _next(self) -> int:
        assert self._types.stdout is not None
        return int(self._types.stdout.readline())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self._types as ending:
            assert ending.stdin is not None
            ending.stdin.close()


def _serve(said: str) -> None:
    from receiver.cli.main import main

    import_module("receiver.deploy.releasing")  # for all that are forked
    for line in sys.stdin:
        words: Sequence[str] = json.loads(line)
        child = os.fork()
        if child == 0:
            _redirect(said)
            status = main(words)
            sys.stdout.flush()
            os._exit(status)
        print(child, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


def _redirect(said: str) -> None:
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    to = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.dup2(to, 1)
    os.dup2(to, 2)


if __name__ == "__main__":
    _serve(sys.argv[1])

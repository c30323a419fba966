"""A shell in a terminal of its own, at which a test types, and what it shows."""

import os
import pty
import select
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

_LIMIT_S = 40.0


class TypedShell:
    """An interactive shell; what it shows is kept from the last key on."""

    def __init__(self, argv: Sequence[str], folder: Path, environment: Mapping[str, str]) -> None:
        self._terminal, inner = pty.openpty()
        self._shell = subprocess.Popen(
            ("setsid", "--ctty", *argv),
            cwd=folder,
            env={**environment, "TERM": "dumb"},
            stdin=inner,
            stdout=inner,
            stderr=inner,
            start_new_session=True,
        )
        os.close(inner)

    def press(self, keys: str, until: str) -> str:
        """Press keys; returns what is shown from then on, up to `until`."""
        os.write(self._terminal, keys.encode())
        shown, started = "", time.monotonic()
        while until not in shown.replace(keys, "", 1):
            assert time.monotonic() - started < _LIMIT_S, f"{until!r} was never shown: {shown!r}"
            if select.select([self._terminal], [], [], 1.0)[0]:
                shown += os.read(self._terminal, 65536).decode(errors="replace")
        return shown

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._terminal)  # which hangs up
        try:
            self._shell.wait(10)
        except subprocess.TimeoutExpired:
            self._shell.kill()
            self._shell.wait()

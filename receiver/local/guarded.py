"""Processes that end with this one, however it ends: each below a guard of its own,
runtime/guard.py.
"""

import os
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

import msgspec

from receiver.machine import shell
from receiver.model.program import RUNTIME

_GUARD = RUNTIME / "guard.py"
_KEPT_BYTES = 32 * 1024
_READ_BYTES = 65_536
_ORPHAN_GRACE_S = 5.0
"""What a process may take to end when nobody is left to wait for it."""


class Program(msgspec.Struct, frozen=True, kw_only=True):
    """What is run, and how it is asked to end."""

    argv: tuple[str, ...]
    env: Mapping[str, str]
    cwd: Path
    stop_signal: str = "SIGTERM"
    to_group: bool = False
    """Whether signals go to all its processes: a shell hands none on."""
    keeps: tuple[int, ...] = ()
    """File descriptors that it has too."""


class Guarded:
    """A program that runs."""

    def __init__(
        self,
        program: Program,
        on_line: Callable[[bytes], object],
        on_end: Callable[["Guarded"], object],
    ) -> None:
        self._program, self._on_line, self._on_end = program, on_line, on_end
        self.status: int | None = None
        """Its exit status; None while it runs."""
        self._said = bytearray()
        self._over, self._lock = threading.Event(), threading.Lock()
        theirs, self._lifeline = os.pipe()
        try:
            self._process = self._start(theirs)
        except BaseException:
            os.close(self._lifeline)
            raise
        finally:
            os.close(theirs)
        threading.Thread(target=self._follow, daemon=True).start()

    @property
    def said(self) -> str:
        """The end of what it wrote."""
        return bytes(self._said).decode("utf-8", "replace")

    @property
    def pid(self) -> int:
        """The process id of its guard, which is its parent."""
        return self._process.pid

    def signal(self, name: str) -> None:
        """Have it get a signal."""
        with suppress(ProcessLookupError):
            self._process.send_signal(getattr(signal, name))

    def stop(self) -> None:
        """Ask it to end."""
        self.signal(self._program.stop_signal)

    def kill(self) -> None:
        """End it, and all that it started, at once."""
        with self._lock:
            if self.status is None:
                with suppress(BrokenPipeError):
                    os.write(self._lifeline, b"k")

    def wait(self, limit_s: float) -> bool:
        """Whether it has ended before the time was up, with all that it started."""
        return self._over.wait(limit_s)

    def _start(self, theirs: int) -> shell.Process:
        program = self._program
        how = f"{'+' if program.to_group else ''}{program.stop_signal}"
        guard = (sys.executable, "-I", "-S", str(_GUARD), str(theirs), how, str(_ORPHAN_GRACE_S))
        return shell.start(
            (*guard, "--", *program.argv),
            env=program.env,
            cwd=program.cwd,
            keeps=(theirs, *program.keeps),
        )

    def _follow(self) -> None:
        rest = b""
        output = self._process.stdout
        while output is not None and (chunk := os.read(output.fileno(), _READ_BYTES)):
            self._said.extend(chunk)
            del self._said[:-_KEPT_BYTES]
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                self._on_line(line)
        if rest:
            self._on_line(rest)
        status = self._process.wait()
        if output is not None:
            output.close()
        with self._lock:
            os.close(self._lifeline)
            self.status = status
        self._over.set()
        self._on_end(self)

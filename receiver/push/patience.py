"""How long a client over ssh may be silent: while it is read, written to, and while git reads it.

Only silence counts, and only where something is waited for: a push may take as long as it likes.
"""

import os
import time

from receiver.machine import proc
from receiver.machine.readiness import READ, WRITE, is_ready
from receiver.model.errors import GitError
from receiver.push.limits import Limits

_WRITTEN_AT_ONCE = 4096
"""What a pipe takes without a wait when it is ready for more."""


class SilentError(GitError):
    """The client said nothing for too long, or read nothing."""

    default_reason = "git/silent"

    def __init__(self, limit_s: float, where: str) -> None:
        super().__init__(
            f"The client sent nothing for {limit_s:g} s.",
            detail=f"The server waited for {where}.",
            advice="Check the connection, then push again. The limit is quiet_limit_s in the "
            "server's ship.toml.",
        )


class Client:
    """The two ends of a connection, as file descriptors."""

    def __init__(self, stdin: int, stdout: int, limits: Limits) -> None:
        self._stdin = stdin
        self._stdout = stdout
        self._limits = limits
        self._ends_at: float | None = None
        """When all that comes before the pack has to be here; it counts from the first byte."""

    def read(self, size: int, /) -> bytes:
        """Read a part of what comes before the pack.

        Raises:
            SilentError: nothing came for too long
        """
        if self._ends_at is None:
            self._wait(self._limits.begin_s, "its first line")
            self._ends_at = time.monotonic() + self._limits.begin_s
        else:
            left_s = max(0.0, self._ends_at - time.monotonic())
            self._wait(min(self._limits.quiet_s, left_s), "the rest of its first lines")
        return os.read(self._stdin, size)

    def wait_for_pack(self) -> int:
        """The descriptor to read the pack from, once it has begun.

        Raises:
            SilentError: it did not begin for too long
        """
        self._wait(self._limits.begin_s, "the pack")
        return self._stdin

    def write(self, data: bytes) -> None:
        """Write all of it.

        Raises:
            BrokenPipeError: the client has gone, or reads nothing
        """
        write_patiently(self._stdout, data, self._limits.begin_s)

    def _wait(self, limit_s: float, what: str) -> None:
        if not is_ready(self._stdin, READ, limit_s):
            raise SilentError(limit_s, what)


def write_patiently(descriptor: int, data: bytes, limit_s: float) -> None:
    """Write all of it to a pipe that somebody reads.

    Raises:
        BrokenPipeError: nobody reads it any more, or nobody did for so long
    """
    rest = memoryview(data)
    while rest:
        if not is_ready(descriptor, WRITE, limit_s):
            raise BrokenPipeError
        rest = rest[os.write(descriptor, rest[:_WRITTEN_AT_ONCE]) :]


class Patience:
    """Watches a program that reads from a client, or writes to it, by itself."""

    def __init__(self, limit_s: float) -> None:
        self._limit_s = limit_s
        self._seen: proc.Progress | None = None
        self._since = time.monotonic()

    def check(self, pid: int) -> None:
        """Look at it once more; to be called every few seconds.

        Raises:
            SilentError: it neither read, wrote nor computed anything for too long
        """
        now, seen = time.monotonic(), proc.progress(pid)
        if seen is None or not seen.sleeps or seen != self._seen:
            self._seen, self._since = seen, now
        elif now - self._since >= self._limit_s:
            raise SilentError(self._limit_s, "the rest of it")

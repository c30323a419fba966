"""Keeps watch over a push: should the gate be killed once a branch has moved, or not be able to put
it back, the guard outlives it and has that done. Which branch that is, and whether, is not for the
guard to decide.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from receiver.machine import shell
from receiver.machine.shell import Process
from receiver.model.program import HOOKS

_DONE = b"done\n"
_ENDS_WITHIN_S = 1.0


@contextmanager
def guarded(note: Path, argv: Sequence[str], environment: Mapping[str, str]) -> Iterator[None]:
    """Have `argv` run after the end of this process, unless what is done in here comes to its own
    and leaves no note.

    Args:
        note: the file that names the move; it is locked by whoever takes part in the push
        argv: what puts right all that such notes name
        environment: for it
    """
    given, tells = os.pipe()
    try:
        guard = _start((str(HOOKS / "guard"), str(note), *argv), environment, given)
    finally:
        os.close(given)
    try:
        yield
        if not note.exists():
            _dismiss(guard, tells)
    finally:
        os.close(tells)


def _start(argv: Sequence[str], environment: Mapping[str, str], given: int) -> Process | None:
    """In a session of its own, at the pipe that ends with us; a push can do without, if it must."""
    with suppress(OSError):
        return shell.start(argv, env=environment, stdin=given, output=shell.NOTHING)
    return None


def _dismiss(guard: Process | None, tells: int) -> None:
    if guard is None:
        return
    with suppress(BrokenPipeError):
        os.write(tells, _DONE)
    if shell.ended(guard, _ENDS_WITHIN_S):
        guard.wait()

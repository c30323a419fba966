"""Keeps on disk which refs a push has moved, until its deploy is decided.

When the process that took the push is killed between the two, the next push puts the branch back,
before its client is told where that is.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from receiver.machine import files, git
from receiver.push.wire import Update

_PREFIX = ".undecided-"
Note = Callable[[Iterable[Update]], None]
Decide = Callable[[str], int | None]
"""Finds out how the push of this name ended: an exit code, or None where that is not known."""


@contextmanager
def moving(repo: Path, push: str) -> Iterator[Note]:
    """Note what a push is about to move; the note goes when all came to its end, and only then.

    It is locked as long as the process lives that took the push.
    """
    path, held = repo / f"{_PREFIX}{push}", -1

    def note(updates: Iterable[Update]) -> None:
        nonlocal held
        if not push or held != -1:
            return
        held = files.open_held(path)
        os.write(held, os.fsencode("".join(update.line() for update in updates)))

    try:
        yield note
        if held != -1:
            path.unlink(missing_ok=True)
    finally:
        if held != -1:
            os.close(held)


def settle(repo: Path, decide: Decide) -> None:
    """Put back what pushes moved that were cut off and not deployed."""
    for path in files.abandoned(repo):
        if not path.name.startswith(_PREFIX):
            continue
        ended = decide(path.name.removeprefix(_PREFIX))
        if ended is None:
            continue
        for line in os.fsdecode(path.read_bytes()).splitlines() if ended else ():
            old, new, ref = line.split(" ", 2)
            git.restore_ref(repo, ref, new, None if old == git.ABSENT else old)
        path.unlink(missing_ok=True)

"""Follows what one process writes to a file, to its end.

`watcher` can follow more. What it imports takes a third of the start of a deploy, and each deploy
is followed.
"""

import os
import select
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from receiver.machine import lifetimes

_READ_BYTES = 65_536
_EVENTS_BYTES = 4096
_LOOK_ANYWAY_S = 5.0
_LOOK_UNTOLD_S = 0.2
"""How often, where the system does not tell of a file that grows."""
_IN_MODIFY = 2
"""Of Linux: the file was written to."""


def follow_process(path: Path, pid: int, on_output: Callable[[bytes], object]) -> None:
    """Hand on what is written to `path`, from its beginning, until process `pid` has ended."""
    offset = 0
    ready = select.poll()
    with ExitStack() as open_:
        try:
            ended = open_.enter_context(lifetimes.end_of(pid))
            ready.register(ended, select.POLLIN)
        except ProcessLookupError:
            ended = None
        grown = open_.enter_context(_growth_of(path))
        if grown is not None:
            ready.register(grown, select.POLLIN)
        is_over = ended is None
        while True:
            for chunk in new_bytes(path, offset):
                offset += len(chunk)
                on_output(chunk)
            if is_over:
                return
            limit_s = _LOOK_UNTOLD_S if grown is None else _LOOK_ANYWAY_S
            told = dict(ready.poll(limit_s * 1000))
            is_over = ended in told
            if grown is not None and grown in told:
                os.read(grown, _EVENTS_BYTES)


def new_bytes(path: Path, offset: int) -> Iterator[bytes]:
    """What a file holds from an offset on; nothing where there is no such file."""
    try:
        handle = path.open("rb")
    except FileNotFoundError:
        return
    with handle:
        handle.seek(offset)
        while chunk := handle.read(_READ_BYTES):
            yield chunk


@contextmanager
def _growth_of(path: Path) -> Iterator[int | None]:
    """A descriptor that is ready to be read when the file has grown; None where the system has
    none to give, or there is no such file yet.
    """
    if sys.platform != "linux":
        yield None
        return
    import ctypes  # noqa: PLC0415 - slow, and who reads a file to its end needs none

    libc = ctypes.CDLL(None, use_errno=True)
    descriptor = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
    if descriptor == -1:
        yield None
        return
    try:
        watched = libc.inotify_add_watch(descriptor, os.fsencode(path), _IN_MODIFY)
        yield None if watched == -1 else descriptor
    finally:
        os.close(descriptor)

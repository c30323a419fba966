"""Follows files as they grow. The only user of watchdog.

Its events coalesce, so an event means no more than: look again, from where you stopped.
"""

import logging
import os
import queue
import select
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer

# it warns of events that come while it is stopped, in the middle of what a person reads
logging.getLogger("watchdog").addHandler(logging.NullHandler())

_READ_BYTES = 65_536
_LOOK_ANYWAY_S = 5.0


class _Wake(FileSystemEventHandler):
    def __init__(self, looks: "queue.SimpleQueue[None]") -> None:
        self._looks = looks

    def on_any_event(self, event: FileSystemEvent) -> None:
        if event.event_type not in {"opened", "closed_no_write"}:
            self._looks.put(None)


@contextmanager
def _changes(folder: Path) -> Iterator["queue.SimpleQueue[None]"]:
    looks: queue.SimpleQueue[None] = queue.SimpleQueue()
    observer = Observer()
    observer.schedule(_Wake(looks), str(folder))
    observer.start()
    try:
        yield looks
    finally:
        observer.stop()
        observer.join()


def follow_process(path: Path, pid: int, on_output: Callable[[bytes], object]) -> None:
    """Hand on what is written to `path`, from its beginning, until process `pid` has ended."""
    follow_until(path, lambda: _await_process(pid), on_output)


def follow_until(
    path: Path, await_end: Callable[[], object], on_output: Callable[[bytes], object]
) -> None:
    """Hand on what is written to `path`, from its beginning, until `await_end` returns."""
    ended = threading.Event()
    with _changes(path.parent) as looks:
        threading.Thread(target=_tell_end, args=(await_end, ended, looks), daemon=True).start()
        offset = 0
        while True:
            last_look = ended.is_set()
            for chunk in _new_bytes(path, offset):
                offset += len(chunk)
                on_output(chunk)
            if last_look:
                return
            _wait(looks)


def follow_file(path: Path, offset: int) -> Iterator[bytes]:
    """What is written to `path` from `offset` on, for ever; starts over when it was rotated."""
    with _changes(path.parent) as looks:
        inode = _inode(path)
        while True:
            for chunk in _new_bytes(path, offset):
                offset += len(chunk)
                yield chunk
            _wait(looks)
            if _inode(path) != inode:
                inode, offset = _inode(path), 0


def _tell_end(
    await_end: Callable[[], object], ended: threading.Event, looks: "queue.SimpleQueue[None]"
) -> None:
    await_end()
    ended.set()
    looks.put(None)


def _await_process(pid: int) -> None:
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    poll.poll()
    os.close(fd)


def _wait(looks: "queue.SimpleQueue[None]") -> None:
    """Until something changed; now and then without a reason, for file systems that tell nothing."""
    try:
        looks.get(timeout=_LOOK_ANYWAY_S)
        while not looks.empty():
            looks.get_nowait()
    except queue.Empty:
        return


def _new_bytes(path: Path, offset: int) -> Iterator[bytes]:
    try:
        handle = path.open("rb")
    except FileNotFoundError:
        return
    with handle:
        handle.seek(offset)
        while chunk := handle.read(_READ_BYTES):
            yield chunk


def _inode(path: Path) -> int | None:
    try:
        return path.stat().st_ino
    except FileNotFoundError:
        return None

"""Follows files as they grow, and tells which files of folders change. The only user of watchdog.

Its events coalesce, so an event means no more than: look again, from where you stopped.
"""

import logging
import os
import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer
from watchdog.observers.api import ObservedWatch
from watchdog.observers.polling import PollingObserver

from receiver.machine.growth import new_bytes

# it warns of events that come while it is stopped, in the middle of what a person reads
logging.getLogger("watchdog").addHandler(logging.NullHandler())

_LOOK_ANYWAY_S = 5.0


class Looks:
    """Tells somebody who waits that it is time to look again."""

    def __init__(self) -> None:
        self._wakes: queue.SimpleQueue[None] = queue.SimpleQueue()

    def wake(self) -> None:
        """Something changed."""
        self._wakes.put(None)

    def wait(self, limit_s: float | None = None) -> None:
        """Until something changed since the last look, or the time is over."""
        try:
            self._wakes.get(timeout=limit_s)
            while not self._wakes.empty():
                self._wakes.get_nowait()
        except queue.Empty:
            return


class _Wake(FileSystemEventHandler):
    def __init__(self, looks: Looks, concerns: Callable[[str], bool]) -> None:
        self._looks = looks
        self._concerns = concerns

    def on_any_event(self, event: FileSystemEvent) -> None:
        if event.event_type not in {"opened", "closed_no_write"} and self._concerns(
            os.fsdecode(event.src_path)
        ):
            self._looks.wake()


def _always(_: str) -> bool:
    return True


@contextmanager
def changes(folders: Iterable[Path], concerns: Callable[[str], bool] = _always) -> Iterator[Looks]:
    """Be told of changes in these folders, of the paths that concern one."""
    looks = Looks()
    observer = Observer()
    for folder in folders:
        observer.schedule(_Wake(looks, concerns), str(folder))
    observer.start()
    try:
        yield looks
    finally:
        observer.stop()
        observer.join()


def follow_until(
    path: Path,
    await_end: Callable[[], object],
    on_output: Callable[[bytes], object],
    offset: int = 0,
) -> None:
    """Hand on what is written to `path`, from an offset on, until `await_end` returns."""
    ended = threading.Event()
    # beside it are records, and the times of its lines: nobody need look at it for those
    with changes((path.parent,), str(path).__eq__) as looks:
        threading.Thread(target=_tell_end, args=(await_end, ended, looks), daemon=True).start()
        while True:
            last_look = ended.is_set()
            for chunk in new_bytes(path, offset):
                offset += len(chunk)
                on_output(chunk)
            if last_look:
                return
            looks.wait(_LOOK_ANYWAY_S)


class Folders:
    """Tells which files in a set of folders changed, to `tell`, from a thread of its own."""

    def __init__(self, tell: Callable[[Path], object]) -> None:
        self._tell = _Tell(tell)
        self._watched: dict[tuple[Path, bool], ObservedWatch] = {}
        self._observer = Observer()
        self._observer.start()

    def watch(self, wanted: Iterable[tuple[Path, bool]]) -> bool:
        """Watch these folders and no others, each alone or with all below it.

        Returns:
            False when the system has no more to watch with, so that the folders are
                looked through every second
        """
        wanted = set(wanted)
        try:
            self._schedule(wanted)
        except OSError:
            self.close()
            self._watched = {}
            self._observer = PollingObserver(timeout=1)
            self._observer.start()
            self._schedule(wanted)
            return False
        return True

    def close(self) -> None:
        self._observer.stop()
        self._observer.join()

    def _schedule(self, wanted: set[tuple[Path, bool]]) -> None:
        """What stays is left alone, so that nothing of it goes unseen."""
        for place in self._watched.keys() - wanted:
            self._observer.unschedule(self._watched.pop(place))
        for folder, whole in wanted - self._watched.keys():
            with suppress(FileNotFoundError):
                found = self._observer.schedule(self._tell, str(folder), recursive=whole)
                self._watched[folder, whole] = found


class _Tell(FileSystemEventHandler):
    def __init__(self, tell: Callable[[Path], object]) -> None:
        self._tell = tell

    def on_any_event(self, event: FileSystemEvent) -> None:
        if event.event_type in {"opened", "closed", "closed_no_write"}:
            return
        # a folder's own time changes with each file in it, which is told of by itself
        if event.is_directory and event.event_type == "modified":
            return
        for path in (event.src_path, event.dest_path):
            if path:
                self._tell(Path(os.fsdecode(bytes(path) if not isinstance(path, str) else path)))


def _tell_end(await_end: Callable[[], object], ended: threading.Event, looks: Looks) -> None:
    await_end()
    ended.set()
    looks.wake()

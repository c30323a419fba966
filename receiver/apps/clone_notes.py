"""Notes of clones that are under way.

One that nobody is at work on any more goes again, unless it is live.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from receiver.access import grants as access
from receiver.apps import lifecycle as apps
from receiver.changes.change import or_undone
from receiver.deploy import detached
from receiver.machine import files
from receiver.model.names import AppName
from receiver.server import Server
from receiver.state import builds, records


class _Note(msgspec.Struct, frozen=True):
    keep_storage: bool
    """Whether the storage was there before, left by an app of the same name."""


@contextmanager
def unfinished(server: Server, name: AppName, *, keep_storage: bool) -> Iterator[None]:
    """For as long as this lasts, an app is not finished: leaving it by an error takes the app away.

    Processes that are forked meanwhile hold the note as well.
    """
    path = server.layout.clones / f"{name}.json"
    path.parent.mkdir(mode=0o700, exist_ok=True)
    # under this lock, so that nobody takes a note for abandoned that has just been written
    with access.changing(server.layout):
        records.write_json(path, _Note(keep_storage), mode=0o600)
        held = _hold(path)

    def take_away() -> None:
        _take_away(server, name, keep_storage=keep_storage)
        files.remove(path)

    try:
        with or_undone(take_away):
            yield
        files.remove(path)
    finally:
        if held is not None:
            os.close(held)


def recover(server: Server) -> None:
    """Take away what clones that were killed left half made."""
    for path in server.layout.clones.glob("[!.]*.json"):
        with access.changing(server.layout):
            _settle(server, path)


def _settle(server: Server, path: Path) -> None:
    held = _hold(path) if path.exists() else None
    if held is None:
        return  # somebody is at work on it
    try:
        name, note = AppName(path.stem), records.read_json(path, _Note)
        if note is not None and records.read_live(server.layout.app(name)) is None:
            _take_away(server, name, keep_storage=note.keep_storage)
        files.remove(path)
    finally:
        os.close(held)


def _take_away(server: Server, name: AppName, *, keep_storage: bool) -> None:
    paths = server.layout.app(name)
    if not paths.settings.exists():
        return
    going_on = detached.cancel(server, name)
    if going_on is not None:
        builds.await_end(paths, going_on.number)
    # somebody may have locked it meanwhile, and it is no app yet
    apps.destroy(server, name, keep_storage=keep_storage, frozen_too=True)


def _hold(path: Path) -> int | None:
    """A descriptor by which this process holds a note; None while another does."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        return None
    return fd

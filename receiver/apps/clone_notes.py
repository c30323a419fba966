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
from receiver.machine import files
from receiver.model.names import AppName
from receiver.server import Server
from receiver.state import records


class _Note(msgspec.Struct, frozen=True):
    keep_storage: bool
    """Whether the storage was there before, left by an app of the same name."""


@contextmanager
def unfinished(server: Server, name: AppName, *, keep_storage: bool) -> Iterator[None]:
    """For as long as this lasts, an app is not finished: leaving it by an error takes the app away.

    Processes that are forked meanwhile hold the note as well.
    """
    path = _folder(server) / f"{name}.json"
    path.parent.mkdir(mode=0o700, exist_ok=True)
    # under this lock, so that nobody takes a note for abandoned that has just been written
    with access.changing(server.layout):
        records.write_json(path, _Note(keep_storage), mode=0o600)
        held = _hold(path)
    try:
        yield
        files.remove(path)
    except BaseException:
        _take_away(server, name, keep_storage=keep_storage)
        files.remove(path)
        raise
    finally:
        if held is not None:
            os.close(held)


def recover(server: Server) -> None:
    """Take away what a clone that was killed left half made; nothing happens without a note."""
    folder = _folder(server)
    if not folder.is_dir():
        return
    for path in folder.glob("[!.]*.json"):
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
    from receiver.apps import lifecycle as apps  # noqa: PLC0415 - this is asked at every command
    from receiver.deploy import detached  # noqa: PLC0415 - this is asked at every command
    from receiver.state import builds  # noqa: PLC0415 - this is asked at every command

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


def _folder(server: Server) -> Path:
    return server.layout.state / "clones"

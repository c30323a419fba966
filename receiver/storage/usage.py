"""The stories of an app's storage: what it holds, where it appears, and how large it may get."""

import shutil
from collections.abc import Sequence

import msgspec
from msgspec.structs import replace

from receiver.changes.app_state import AppState, state_of
from receiver.hosts.jobs import Job
from receiver.model.errors import NotFoundError
from receiver.model.names import AppName
from receiver.model.process_limits import MIB, size_bytes
from receiver.server import Server
from receiver.state import records
from receiver.storage import account_files, left_behind
from receiver.storage.left_behind import Written


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """Something in the top folder of the storage."""

    kind: str
    """`folder` or `file`."""
    bytes: int
    files: int


class File(msgspec.Struct, frozen=True, kw_only=True):
    """Something at a place of the storage."""

    name: str
    kind: str
    """`folder`, `file`, or `link`, which nothing follows."""
    size: int
    changed_at: float


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """An app's storage as it is."""

    path: str
    used_bytes: int
    files: int
    quota_bytes: int | None
    free_bytes: int
    """Of the file system that it lies on, which all apps share."""
    entries: dict[str, Entry]
    mounts: dict[str, str]
    """The place in the storage, by the path where it appears; empty for all of it."""
    release: str | None
    not_kept: tuple[Written, ...]
    """What the live release wrote into its own folder, where the next one does not have it."""
    rescued: tuple[str, ...]
    """Releases of which such files were put aside."""

    @property
    def over_quota(self) -> bool:
        return self.quota_bytes is not None and self.used_bytes > self.quota_bytes


def report(server: Server, name: AppName) -> Report:
    """What an app's storage holds, and what lies where it would be lost."""
    app = state_of(server, name)
    paths, quota = app.paths, app.settings.storage_quota
    entries = usage(server, name)
    aside = account_files.look(server.host, paths, "rescued", {"storage": str(paths.storage)})
    return Report(
        path=str(paths.storage),
        used_bytes=sum(it.bytes for it in entries.values()),
        files=sum(it.files for it in entries.values()),
        quota_bytes=size_bytes(quota) if quota else None,
        free_bytes=shutil.disk_usage(paths.home).free,
        entries=entries,
        mounts=dict(app.settings.mounts),
        release=app.release.label if app.release else None,
        not_kept=_not_kept(app),
        rescued=tuple(aside["labels"]),
    )


def usage(server: Server, name: AppName) -> dict[str, Entry]:
    """What the storage holds by the names in its top folder, counted by the app's own account."""
    paths = server.app(name)  # its records are not asked: they may be torn
    found = account_files.look(server.host, paths, "used", {"storage": str(paths.storage)})
    return {top: msgspec.convert(it, Entry) for top, it in sorted(found["entries"].items())}


def files(server: Server, name: AppName, place: str) -> list[File]:
    """What lies at a place of the storage: what is in a folder, or the file.

    Raises:
        NotFoundError: nothing does
    """
    paths = server.app(name)
    request = {"storage": str(paths.storage), "place": place}
    try:
        found = account_files.look(server.host, paths, "names", request)["names"]
    except account_files.RefusedError as error:
        raise NotFoundError(
            f"The storage of {name} has no {place}.",
            advice="`ship storage:ls` shows what it has.",
            reason="not-found/file",
        ) from error
    return [msgspec.convert(it, File) for it in found]


def not_kept(server: Server, name: AppName) -> tuple[Written, ...]:
    """What the live release has written into its own folder, where the next one does not have
    it.
    """
    return _not_kept(state_of(server, name))


def _not_kept(app: AppState) -> tuple[Written, ...]:
    live = app.live
    return left_behind.look(app, live.release) if live else ()


def room(server: Server, name: AppName) -> int:
    """Bytes that may still be copied into the storage: of its quota, and of the disk without
    what ship keeps free.
    """
    paths = server.app(name)
    quota = records.read_app(paths).storage_quota
    free = shutil.disk_usage(paths.home).free - server.settings.keep_free_mb * MIB
    left = size_bytes(quota) - account_files.used(server.host, paths) if quota else free
    return max(0, min(free, left))


def copy(server: Server, name: AppName, words: Sequence[str]) -> int:
    """Have runtime/storage_copy.py copy files through the caller's own streams; returns its exit
    status.

    It runs in the app's sandbox: a link in the storage leads no further than the app itself can
    look.
    """
    paths = server.app(name)
    verb, *rest = words
    job = Job(
        app=name,
        argv=account_files.copying(server.host, paths, verb, str(paths.storage), *rest),
        cwd=paths.storage,
        writable=(paths.storage,),
        name="copy",
        lasting=True,
    )
    return server.host.jobs.attach(job, tty=False)


def set_quota(server: Server, name: AppName, quota: str) -> None:
    """Say how large the storage may get; an empty text takes the limit away."""
    from receiver.changes.change import configure  # noqa: PLC0415 - `ship ps` changes nothing

    configure(server, name, lambda it: replace(it, storage_quota=quota), "storage:quota")

"""What an app keeps, as a part of it: its storage, and where that appears."""

from collections.abc import Iterator

import msgspec

from receiver.changes.app_state import AppState
from receiver.changes.part import Copying, Part
from receiver.model.errors import ShipError
from receiver.model.finding import Finding
from receiver.model.mounts import shown_size
from receiver.model.names import AppName
from receiver.model.process_limits import size_bytes
from receiver.server import Server
from receiver.state import records
from receiver.storage import account_files, left_behind, outside_mounts
from receiver.storage.copies import copy_storage


class Storage(Part):
    """The storage: it moves and goes with the app's folder, and to a clone only when asked for."""

    settings = ("mounts", "storage_quota")

    def make(self, app: AppState) -> None:
        outside_mounts.prepare(app)

    def rename(self, server: Server, was: AppName, name: AppName) -> None:
        mounts = records.read_app(server.layout.app(name)).mounts
        server.host.outside_mounts.write(name, mounts)

    def copy(self, copying: Copying) -> None:
        original, out = copying.original, copying.out
        if not copying.storage:
            if any(original.paths.storage.iterdir()):
                out.say("Storage is not copied; with --storage it is.")
            return
        out.say("Copying the storage")
        if not copy_storage(original, copying.paths):
            out.warn(
                f"{original.name} wrote to its storage while it was copied: look whether it is "
                "whole."
            )

    def examine(self, app: AppState) -> Iterator[Finding]:
        """Data that a deploy takes away, or that grows beyond what was allowed."""
        try:
            yield from _databases(app)
            yield from _quota(app)
        except (ShipError, OSError, KeyError, msgspec.MsgspecError):
            # the app's account counts its files: where that cannot be started, more is wrong
            return


def _databases(app: AppState) -> Iterator[Finding]:
    if app.live is None or app.release is None:
        return
    found = left_behind.databases(app, app.live.release)
    if found:
        yield Finding(
            name="storage.not-kept",
            app=app.name,
            severity="warning",
            title=f"{app.name} keeps a database where the next release does not have it.",
            seen=tuple(f"{it.path} ({shown_size(it.size)})" for it in found[:3]),
            means="After the next deploy, the app begins with the database of its code, or with "
            "none.",
            advice=f"`ship storage:mount {found[0].path} -a {app.name}` keeps it over releases; it "
            "moves at once, without losing a row.",
        )


def _quota(app: AppState) -> Iterator[Finding]:
    quota = app.settings.storage_quota
    used = account_files.used(app.server.host, app.paths) if quota else 0
    if quota and used > size_bytes(quota):
        yield Finding(
            name="storage.quota",
            app=app.name,
            severity="warning",
            title=f"The storage of {app.name} is larger than its quota.",
            seen=(f"It holds {shown_size(used)} of {quota}.",),
            means="Nothing is copied into it any more; what the app itself writes is not kept "
            "back.",
            advice=f"`ship storage -a {app.name}` tells what is large; `ship storage:quota SIZE -a "
            f"{app.name}` sets another one.",
        )

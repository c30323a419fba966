"""What an app keeps: a database where the next release does not have it, and a storage above its
quota.
"""

from collections.abc import Iterator

import msgspec

from receiver.doctor.seen import AppSeen, Seen
from receiver.model.errors import ShipError
from receiver.model.finding import Finding
from receiver.model.mounts import shown_size
from receiver.model.process_limits import size_bytes
from receiver.storage import account_files, left_behind


def look(seen: Seen, app: AppSeen) -> Iterator[Finding]:
    """Data that a deploy takes away, or that grows beyond what was allowed."""
    try:
        yield from _databases(seen, app)
        yield from _quota(seen, app)
    except (ShipError, OSError, KeyError, msgspec.MsgspecError):
        # it is the app's account that counts its files: where that cannot be started, more is wrong
        return


def _databases(seen: Seen, app: AppSeen) -> Iterator[Finding]:
    if app.live is None or app.release is None:
        return
    found = left_behind.databases(seen.server.host, app.paths, app.live.release)
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


def _quota(seen: Seen, app: AppSeen) -> Iterator[Finding]:
    quota = app.settings.storage_quota
    used = account_files.used(seen.server.host, app.paths) if quota else 0
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

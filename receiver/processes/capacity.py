"""The story of what fits: what apps hold of the machine's memory, what they may, and what one
more would need.
"""

import os
from collections import defaultdict
from collections.abc import Iterable

import msgspec

from receiver.changes.app_state import AppState
from receiver.machine import proc
from receiver.model.names import AppName
from receiver.model.process_limits import WEB, Whole, shown_mib
from receiver.model.release import Release
from receiver.processes import memory as app_memory
from receiver.processes.concurrency import Share, Workers, plan_workers
from receiver.processes.memory import Process
from receiver.server import Server
from receiver.state import records

_ASKED = "WEB_CONCURRENCY"


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """What the processes of one type hold."""

    app: str
    type: str
    count: int
    """Workers of gunicorn, or processes started by themselves."""
    now_bytes: int
    each_bytes: int
    """What the largest worker, or process, holds."""
    peak_bytes: int
    """The most that they held since their start; where the kernel keeps no account, what each of
    them did."""
    limit_bytes: int | None


class Capacity(msgspec.Struct, frozen=True, kw_only=True):
    """What apps hold, and what the machine has."""

    held: tuple[Held, ...]
    total_bytes: int
    available_bytes: int
    swap_total_bytes: int
    swap_free_bytes: int
    wholes: tuple[Whole, ...]
    """What all apps may use together, then what each may."""

    @property
    def apps_bytes(self) -> int:
        """What all apps hold together."""
        return sum(each.now_bytes for each in self.held)

    @property
    def spare_bytes(self) -> int:
        """What could be given to more processes, with a tenth of the machine left to the rest of
        it.
        """
        return max(0, self.available_bytes - self.total_bytes // 10)


def look(server: Server, app: AppName | None = None) -> Capacity:
    """What is held now, by all apps or by one."""
    names = [app] if app else records.app_names(server.layout)
    machine = proc.machine_memory()
    seen = app_memory.processes()
    return Capacity(
        held=tuple(it for name in names for it in _of_app(server, name, seen)),
        total_bytes=machine.total,
        available_bytes=machine.available,
        swap_total_bytes=machine.swap_total,
        swap_free_bytes=machine.swap_free,
        wholes=server.host.limits.wholes(
            server.settings, {name: records.read_app(server.app(name)).limits for name in names}
        ),
    )


def web_workers(app: AppState, release: Release) -> Workers | None:
    """How many workers a release has where nobody said so, and why; None where the usual number
    will do.
    """
    web, limit = release.gunicorn, app.settings.limits.get(WEB)
    asked = records.read_config(app.paths.release(release.version).env).get(_ASKED)
    # the app.json of this very push may have said so: the file is asked, not the state before it
    if limit is None or limit.memory_bytes is None or asked or app.paths.scale.exists():
        return None
    if web is None or web.workers is not None:
        return None
    now = next((it for it in look(app.server, app.name).held if it.type == WEB), None)
    return plan_workers(
        Share(
            memory_bytes=limit.memory_bytes,
            cores=len(os.sched_getaffinity(0)),
            cpu_percent=int(limit.cpu[:-1]) if limit.cpu else None,
            each_bytes=now.each_bytes if now else None,
            label=app.release.label if app.release else "",
        )
    )


def too_much(server: Server, app: AppName, process_type: str, count: int) -> str:
    """Why so many processes of a type would not fit; empty where they do, or nothing was
    measured.
    """
    found = look(server, app)
    held = next((it for it in found.held if it.type == process_type), None)
    if held is None or count <= held.count:
        return ""
    more = (count - held.count) * held.each_bytes
    needs = (
        f"{process_type}={count} of {app} needs about {shown_mib(more)} more, at "
        f"{shown_mib(held.each_bytes)} each"
    )
    if process_type == WEB and held.limit_bytes and held.now_bytes + more > held.limit_bytes:
        return (
            f"{needs}; its limit is {shown_mib(held.limit_bytes)}, of which it holds "
            f"{shown_mib(held.now_bytes)}."
        )
    if more > found.spare_bytes:
        return f"{needs}; the machine has about {shown_mib(found.spare_bytes)} to spare."
    return ""


def _of_app(server: Server, app: AppName, seen: Iterable[Process]) -> list[Held]:
    paths, owner = server.app(app), server.host.accounts.owner(app)
    by_type = defaultdict(list)
    for each in seen:
        # what an app's process says of itself counts for its own account alone
        if each.storage == str(paths.storage) and (owner is None or owner.uid == each.uid):
            by_type[each.type].append(each)
    limits = records.read_app(paths).limits
    return [
        _held(app, name, group, limits[name].memory_bytes if name in limits else None)
        for name, group in sorted(by_type.items())
    ]


def _held(app: AppName, name: str, group: list[Process], limit_bytes: int | None) -> Held:
    """Of a server with workers, these count; of all else, what was started by itself."""
    pids = {each.pid for each in group}
    first = [each for each in group if each.parent not in pids]
    workers = [each for each in group if each.parent in {it.pid for it in first}]
    counted = workers if name == WEB and workers else first
    peaks = [found for each in first if (found := app_memory.peak_bytes(each.pid))]
    return Held(
        app=str(app),
        type=name,
        count=len(counted),
        now_bytes=sum(each.bytes for each in group),
        each_bytes=max(each.bytes for each in counted),
        peak_bytes=sum(peaks) or sum(each.peak_bytes for each in group),
        limit_bytes=limit_bytes,
    )

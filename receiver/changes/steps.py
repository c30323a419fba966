"""Steps that more than one story takes."""

from collections.abc import Collection, Mapping

from receiver.machine import files, sockets
from receiver.model.cron import Cron
from receiver.model.layout import AppPaths, SlotLetter
from receiver.model.plan import (
    AnyStep,
    ChangeSite,
    SetTimers,
    WriteFile,
)
from receiver.model.release import Live, Release
from receiver.model.settings import App
from receiver.nginx.sites import Front, is_current, site_file
from receiver.planner.timers import plan_timers
from receiver.server import Server
from receiver.state import records


def front(server: Server) -> Front:
    """The nginx of this server, as its files have to be written."""
    logs = server.host.request_logs
    return Front(server.layout, server.settings, logs, ipv6=sockets.has_ipv6())


def site_change(
    server: Server, paths: AppPaths, settings: App, release: Release | None, slot: SlotLetter
) -> ChangeSite | None:
    """The change that routes visitors to `release` in `slot`; None when nginx's file says so
    already.
    """
    link = server.layout.site_link(paths.name)
    there = files.read_text(server.layout.site(paths.name)) or ""
    made_of = (front(server), paths.name, settings, release, slot)
    if link.is_symlink() and is_current(there, *made_of):
        return None
    wanted = site_file(*made_of)
    return ChangeSite(paths.name, wanted.path, str(link), wanted.text)


def timer_change(
    server: Server,
    paths: AppPaths,
    jobs: Mapping[str, Cron],
    suspended: Collection[str] | None = None,
) -> SetTimers | None:
    """The change that has these cron jobs started when they are due; None when they are already."""
    now = records.read_timers(paths)
    if not jobs and not now:
        return None
    off = records.read_suspended(paths) if suspended is None else suspended
    wanted = plan_timers(jobs, off, now, server.clock.stamp())
    return None if wanted == now else SetTimers(paths.name, wanted)


def settings_step(paths: AppPaths, settings: App) -> WriteFile:
    """The step that writes app.toml."""
    return WriteFile(str(paths.settings), records.toml_text(paths.settings, settings))


def site_steps(
    server: Server, paths: AppPaths, settings: App, release: Release | None, live: Live | None
) -> tuple[AnyStep, ...]:
    """The step that routes visitors; none when nginx's file says so already."""
    step = site_change(server, paths, settings, release, live.slot if live else "a")
    return () if step is None else (step,)

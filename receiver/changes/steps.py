"""Steps that more than one story takes."""

from collections.abc import Collection, Mapping
from functools import partial
from pathlib import Path

from msgspec.structs import replace

from receiver.changes.app_state import AppState
from receiver.machine import files, proc
from receiver.model.cron import Cron
from receiver.model.layout import SlotLetter
from receiver.model.names import AppName
from receiver.model.plan import ChangeSite, Plan, SetTimers, WriteFile
from receiver.model.release import Release
from receiver.model.settings import receiver_names
from receiver.nginx import snippets
from receiver.nginx.passwords import file_text
from receiver.nginx.sites import RECEIVER_FILE, Front, is_current, receiver_file, site_file
from receiver.planner.timers import plan_timers
from receiver.server import Server
from receiver.state import certificates, check_keys, records


def front(server: Server) -> Front:
    """The nginx of this server, as its files have to be written."""
    logs, found = server.host.request_logs, partial(certificates.of_name, server.layout)
    return Front(
        server.layout,
        server.settings,
        logs,
        ipv6=proc.has_ipv6(),
        certificate=found,
        check_key=partial(_check_key, server),
        snippets=lambda app: snippets.read(server.layout.snippets(app)),
    )


def _check_key(server: Server, app: AppName) -> str:
    return check_keys.made(server.layout.app(app))


def receiver_site(server: Server) -> WriteFile | None:
    """nginx's file for pushes over HTTP as it has to be; None where it is not there."""  # noqa: D403 - a program's name
    site = receiver_file_of(server)
    return site if site is not None and Path(site.path).exists() else None


def receiver_file_of(server: Server) -> WriteFile | None:
    """The same where it may not be there yet; None where the machine needs no such file."""
    receiver = server.host.services.receiver
    if receiver is None:
        return None
    path, names = server.layout.sites_available / RECEIVER_FILE, receiver_names(server.settings)
    return receiver_file(front(server), path, receiver.socket, receiver.log, names, sealed=True)


def site_change(app: AppState, release: Release | None, slot: SlotLetter) -> ChangeSite | None:
    """The change that routes visitors to `release` in `slot`; None when nginx's file says so
    already.
    """
    layout = app.server.layout
    link, there = layout.site_link(app.name), files.read_text(layout.site(app.name)) or ""
    made_of = (front(app.server), app.name, app.settings, release, slot)
    if link.is_symlink() and is_current(there, *made_of):
        return None
    wanted = site_file(*made_of)
    return ChangeSite(app.name, wanted.path, str(link), wanted.text)


def site_steps(app: AppState, slot: SlotLetter | None = None) -> Plan:
    """The step that routes visitors to what is live; none when nginx's file says so already.

    `slot` is where it is about to be, if not where it is.
    """
    step = site_change(app, app.release, slot or app.slot)
    return () if step is None else (step,)


def password_steps(app: AppState) -> Plan:
    """The step that gives nginx the passwords of visitors; none where it has them."""
    path, text = app.paths.passwords, file_text(app.settings.passwords)
    if not text or files.read_text(path) == text:
        return ()
    return (WriteFile(str(path), text, 0o640, app.server.host.accounts.nginx_gid),)


def timer_steps(
    app: AppState, jobs: Mapping[str, Cron], suspended: Collection[str] | None = None
) -> Plan:
    """The step that has these cron jobs started when they are due; none when they are already."""
    if not jobs and not app.timers:
        return ()
    off = records.read_suspended(app.paths) if suspended is None else suspended
    wanted = plan_timers(jobs, off, app.timers, app.server.clock.stamp())
    return () if wanted == app.timers else (SetTimers(app.name, wanted),)


def name_steps(app: AppState) -> Plan:
    """The step by which what the live release starts from now on is told all names."""
    if app.release is None:
        return ()
    text = records.json_text(replace(app.release, address=app.address, hosts=app.hosts))
    path = app.paths.release(app.release.version).record
    return (WriteFile(str(path), text, 0o640, app.gid),)


def settings_step(after: AppState) -> WriteFile:
    """The step that writes app.toml, of an app as it is to be."""
    path = after.paths.settings
    return WriteFile(str(path), records.settings_text(path, after.settings), 0o600)

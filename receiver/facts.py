"""Read-only questions about this machine, put together for the planners."""

import socket
from collections.abc import Collection, Mapping
from datetime import date
from pathlib import Path

import msgspec

from receiver import files, interpreters, pip_settings, pythons, records, sockets
from receiver.model.build import BuildFacts, Interpreter
from receiver.model.cron import Cron
from receiver.model.errors import ServerError
from receiver.model.layout import AppPaths, Layout, SlotLetter
from receiver.model.plan import ChangeSite, SetTimers
from receiver.model.release import Release
from receiver.model.settings import App
from receiver.pip_settings import PipSettings
from receiver.planner.sites import Front, is_current, site_file
from receiver.planner.timers import plan_timers
from receiver.server import Server


class _Known(msgspec.Struct, frozen=True):
    """Interpreters that were asked before, and the programs that were there then."""

    programs: dict[str, int]
    found: tuple[Interpreter, ...]


def build_facts(
    server: Server, config: Mapping[str, str], commit: str, live: Release | None
) -> BuildFacts:
    """What a buildpack may know besides the tree."""
    return BuildFacts(
        interpreters=_interpreters(server),
        config=config,
        commit=commit,
        today=date.fromisoformat(server.clock.stamp()[:10]),
        fetchable=pythons.fetchable(server.layout, server.settings),
        python_before=(live.python if live else None) or "",
    )


def index_settings(server: Server, config: Mapping[str, str]) -> PipSettings:
    """Where packages come from: this machine's pip settings, and the app's config vars over them."""
    return pip_settings.uv_settings(config, pip_settings.standard_files(_home(server)))


def _interpreters(server: Server) -> tuple[Interpreter, ...]:
    """The Pythons of this machine; asked again only when one came, went or was replaced.

    Asking each costs a start of Python, more than all else that an unchanged app's build does.
    """
    places = interpreters.folders(server.layout.pythons, _home(server))
    programs = {
        str(path): path.stat().st_mtime_ns
        for place in places
        for path in place.glob("python3.*")
        if path.exists()  # not a link that leads nowhere
    }
    record = server.layout.state / "interpreters.json"
    known = records.read_json(record, _Known)
    if known is not None and known.programs == programs:
        return known.found
    found = interpreters.find(places)
    records.write_json(record, _Known(programs, found))
    return found


def _home(server: Server) -> Path | None:
    """The folder of the user whom everything belongs to; None where apps have accounts of their own."""
    return Path.home() if server.settings.host == "supervisord" else None


def front(server: Server) -> Front:
    """The nginx of this server, as its files have to be written."""
    return Front(server.layout, server.settings, ipv6=sockets.has_ipv6())


def site_change(
    server: Server, paths: AppPaths, settings: App, release: Release | None, slot: SlotLetter
) -> ChangeSite | None:
    """The change that routes visitors to `release` in `slot`; None when nginx's file says so already."""
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


def free_ports(layout: Layout, first: int, last: int, count: int) -> list[int]:
    """Loopback ports that no app has and nobody listens on, lowest first.

    Raises:
        ServerError: the range is used up
    """
    taken: set[int] = set()
    for name in records.app_names(layout):
        settings = records.read_app(layout.app(name))
        taken |= {settings.port, settings.port_a, settings.port_b}
    found: list[int] = []
    for port in range(first, last + 1):
        if port not in taken and _is_free(port):
            found.append(port)
        if len(found) == count:
            return found
    raise ServerError(
        f"No port is free between {first} and {last}.",
        detail=f"An app takes three; {len(taken)} are taken by apps.",
        advice="Widen first_port and last_port in ship.toml, or destroy an app that is not needed.",
        reason="server/no-free-port",
    )


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True

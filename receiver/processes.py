"""What runs of an app: its web processes, of which release, since when; and how many there should be."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from receiver import apps, files, records, workers
from receiver.model.layout import AppPaths
from receiver.model.names import AppName
from receiver.model.release import Live, Release
from receiver.model.webserver import Gunicorn
from receiver.server import Server


class Running(msgspec.Struct, frozen=True):
    """One process that serves requests."""

    pid: int
    release: str
    since: str
    """UTC, ISO 8601, to the second."""


class Processes(msgspec.Struct, frozen=True, kw_only=True):
    """The web processes of an app."""

    command: str | None = None
    """As the Procfile or the buildpack gave it; None without a web process."""
    stopped: bool = False
    """Whether somebody stopped them on purpose."""
    wanted: int = 0
    """How many there should be."""
    running: tuple[Running, ...] = ()

    def as_data(self) -> object:
        """For programs to read."""
        return msgspec.to_builtins(self)


def look(server: Server, app: AppName) -> Processes:
    """What runs of an app now."""
    paths = server.app(app)
    stopped = records.read_app(paths).stopped
    live = records.read_live(paths)
    release = records.read_release(paths, live.release) if live else None
    if live is None or release is None or "web" not in release.processes:
        return Processes(stopped=stopped)
    running = tuple(_running(server, paths, live, release))
    return Processes(
        command=release.lines.get("web", ""),
        stopped=stopped,
        wanted=0 if stopped else _scaled(paths) or len(running),
        running=running,
    )


def scale(server: Server, app: AppName, wish: tuple[str, int]) -> None:
    """Set the number of web workers, in itself or by more or fewer; what was stopped starts again.

    Args:
        server: the server
        app: the app
        wish: `=`, `+` or `-`, and a number

    Raises:
        UsageError: not a number of workers that makes sense
    """
    sign, number = wish
    now = look(server, app)
    wanted = {"=": number, "+": now.wanted + number, "-": now.wanted - number}[sign]
    apps.scale(server, app, wanted)
    if wanted and now.stopped:
        apps.start(server, app)


def _scaled(paths: AppPaths) -> int | None:
    text = files.read_text(paths.scale)
    return None if text is None else json.loads(text).get("web")


def _running(server: Server, paths: AppPaths, live: Live, release: Release) -> list[Running]:
    master = server.host.main_pid(paths.name, live.slot)
    if master is None:
        return []
    if not isinstance(release.processes["web"], Gunicorn):
        return [Running(master, release.label, _since(master))]
    alive = workers.children(master)
    told = workers.ready_workers(paths.slot_run(live.slot))
    return [Running(pid, label, _since(pid)) for pid, label in sorted(told.items()) if pid in alive]


def _since(pid: int) -> str:
    """When a process began: in ticks since the boot, by the kernel's account."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        boot = Path("/proc/stat").read_text(encoding="ascii").partition("\nbtime ")[2].split()[0]
    except OSError:
        return "just now"
    ticks = int(stat.rpartition(")")[2].split()[19])
    began_s = int(boot) + ticks / os.sysconf("SC_CLK_TCK")
    return datetime.fromtimestamp(began_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

"""What runs of an app: which processes, of which release, since when; what ended, and why.

Changes nothing.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import Literal

import msgspec

from receiver.changes.app_state import AppState, state_of
from receiver.engine import background
from receiver.engine.starts import Starts
from receiver.health import workers
from receiver.hosts import process_ends
from receiver.machine import proc
from receiver.machine.clock import Clock
from receiver.model.formation import WEB, Instance
from receiver.model.names import AppName
from receiver.model.release import Release
from receiver.planner.formation import background_types
from receiver.server import Server

State = Literal["up", "crashing", "starting", "down"]
_POLL_S = 0.2
_QUICK_S = 60
"""As in receiver/runtime/launch.py: what ends sooner after its start than this has not run well."""
_HABIT = 2
_LOG_LINES = 50


class Running(msgspec.Struct, frozen=True, kw_only=True):
    """One process: that it runs, or why it does not."""

    name: str
    """Such as `worker.1`."""
    state: State
    release: str | None = None
    pid: int | None = None
    since: str | None = None
    """When it was started, UTC, ISO 8601 to the second; of one that is crashing, when it ended
    first."""
    ends: int = 0
    """How often in a row it has ended soon after its start."""
    reason: str | None = None
    """Why it ended last, such as `exit status 1`."""
    last_line: str | None = None
    """What it wrote last, of one that is crashing."""
    starts_again_at: str | None = None

    @property
    def crash(self) -> str:
        """Such as `29 restarts: RuntimeError: no database`."""
        told = f"{self.ends} restart{'s' * (self.ends != 1)}"
        plain = self.reason is None or self.reason.startswith("exit status")
        why = (self.last_line or self.reason) if plain else self.reason
        return f"{told}: {why}" if why else told


class Type(msgspec.Struct, frozen=True, kw_only=True):
    """All processes of one type."""

    type: str
    command: str
    """As the Procfile or the buildpack gave it."""
    wanted: int
    """How many there should be."""
    stopped: bool
    """Whether somebody stopped them on purpose."""
    running: tuple[Running, ...]


class Processes(msgspec.Struct, frozen=True, kw_only=True):
    """The processes of an app."""

    release: str | None
    """The live one."""
    types: tuple[Type, ...]

    def as_data(self) -> object:
        """For programs to read."""
        return msgspec.to_builtins(self)

    @property
    def scale(self) -> dict[str, int]:
        """How many there should be, by type."""
        return {each.type: each.wanted for each in self.types}

    @property
    def late(self) -> list[str]:
        """What does not run as the live release yet: names of processes."""
        found = [
            process.name
            for each in self.types
            for process in each.running
            if process.state != "up" or process.release != self.release
        ]
        return found + [
            each.type
            for each in self.types
            if each.type == WEB and each.wanted and not each.running
        ]


def look(server: Server, name: AppName) -> Processes:
    """What runs of an app now."""
    return look_at(state_of(server, name))


def look_at(app: AppState) -> Processes:
    """The same, of an app whose records were read already."""
    if app.release is None:
        return Processes(release=None, types=())
    types = [_web(app, app.release)] if WEB in app.release.processes else []
    types += _background(app, app.release)
    return Processes(release=app.release.label, types=tuple(types))


def wait(server: Server, app: AppName, limit_s: float) -> list[str]:
    """Wait until everything runs the live release; names of what does not when the time is over."""
    clock: Clock = server.clock
    ends_at = clock.now() + limit_s
    while late := look(server, app).late:
        if clock.now() >= ends_at:
            return late
        clock.sleep(_POLL_S)
    return []


def _web(app: AppState, release: Release) -> Type:
    return Type(
        type=WEB,
        command=release.lines.get(WEB, ""),
        wanted=web_wanted(app),
        stopped=app.settings.stopped,
        running=_web_running(app),
    )


def _web_running(app: AppState) -> tuple[Running, ...]:
    pids = app.server.engine.web.serving(app)
    up = tuple(
        Running(name=f"web.{number}", state="up", release=label, pid=pid, since=_since(pid))
        for number, (pid, label) in enumerate(pids.items(), 1)
    )
    if app.settings.stopped:
        return up
    ended = _failed_starts(app, serves=bool(up))
    if ended is not None:
        return (_crashing_web(app, ended),)
    starts = not up and app.server.engine.web.runs(app)
    return (Running(name=f"{WEB}.1", state="starting"),) if starts else up


def _failed_starts(app: AppState, *, serves: bool) -> Starts | None:
    """How web ends again and again; None where it does not, or serves after all."""
    ended = app.server.engine.web.failed_starts(app)
    if serves and ended is not None:
        return ended if ended.served and _is_habit(app, ended) else None
    return ended


def _is_habit(app: AppState, ended: Starts) -> bool:
    """Whether it ended more than once, and has not run for long since."""
    return ended.ends >= _HABIT and _now(app) - ended.began < _QUICK_S


def _crashing_web(app: AppState, ended: Starts) -> Running:
    said = (workers.boot_error(app.paths.slot_run(app.slot)) or ended.why).strip()
    line = said.splitlines()[-1] if said else _last_line(app)
    return Running(
        name=f"{WEB}.1",
        state="crashing",
        since=_stamp(ended.since),
        ends=ended.ends,
        last_line=app.masked(line) if line else None,
    )


def _last_line(app: AppState) -> str | None:
    """What the web process wrote last since its start."""
    newest = islice(app.server.engine.log(app.name, app.slot).before(None), _LOG_LINES)
    lines = [line.text.decode("utf-8", "replace") for line in newest]
    return process_ends.last_line(reversed(lines))


def web_wanted(app: AppState) -> int:
    """How many workers web should have: what was asked for, else what it has by itself."""
    if app.settings.stopped or app.live is None:
        return 0
    return app.scale.get(WEB) or max(1, len(app.server.engine.web.serving(app)))


def _background(app: AppState, release: Release) -> Iterator[Type]:
    types = background_types(release)
    if not types:
        return
    runs, stopped = app.server.engine.background.running(app.name), app.settings.is_stopped
    for name in types:
        count = app.formation[name].count if name in app.formation else 0
        found = (Instance(name, number) for number in range(1, count + 1))
        yield Type(
            type=name,
            command=release.lines.get(name, ""),
            wanted=0 if stopped(name) else app.scale.get(name, 0),
            stopped=stopped(name),
            running=tuple(_process(app, each, runs.get(each)) for each in found),
        )


def _process(app: AppState, instance: Instance, pid: int | None) -> Running:
    if pid is None:
        return Running(name=instance.name, state="down")
    release = background.release_of(app.paths, instance, pid)
    ended = background.ends_of(app.paths, instance, pid)
    if release is not None and not (ended and _is_habit(app, ended)):
        found = Running(name=instance.name, state="up", release=release, pid=pid, since=_since(pid))
    else:
        state: State = "crashing" if ended else "starting"
        found = Running(name=instance.name, state=state, pid=pid or None)
    return _with_reason(app, instance, found, ended)


def _with_reason(
    app: AppState, instance: Instance, found: Running, ended: Starts | None
) -> Running:
    if ended is None:
        return found
    host = app.server.engine.background
    waits = found.state == "crashing"
    line = host.last_line(app.name, instance) if waits else None
    return msgspec.structs.replace(
        found,
        ends=ended.ends,
        since=_stamp(ended.since) if waits else found.since,
        reason=host.last_end(app.name, instance),
        last_line=app.masked(line) if line else line,
        starts_again_at=_again_at(app, ended) if waits and found.pid else None,
    )


def _again_at(app: AppState, ended: Starts) -> str | None:
    return _stamp(ended.began) if ended.began > _now(app) else None


def _since(pid: int) -> str | None:
    began_at = proc.began_at(pid)
    return None if began_at is None else _stamp(began_at)


def _now(app: AppState) -> float:
    """Seconds since 1970."""
    return datetime.fromisoformat(app.server.clock.stamp()).timestamp()


def _stamp(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

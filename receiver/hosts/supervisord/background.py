"""Processes besides web under supervisord: a program each."""

import os
from collections.abc import Collection, Iterator
from pathlib import Path

from receiver.hosts import process_ends
from receiver.hosts.supervisord import programs
from receiver.hosts.supervisord.background_programs import (
    instance_of,
    process_files,
    process_log,
    process_program,
    program_path,
)
from receiver.hosts.supervisord.rpc import ALIVE, COMING_BACK, Supervisor
from receiver.machine import files
from receiver.machine.clock import SYSTEM_CLOCK, Clock
from receiver.model.formation import Formation, Instance
from receiver.model.layout import Layout
from receiver.model.log_line import unstamped
from receiver.model.names import AppName
from receiver.model.plan import WriteFile
from receiver.model.settings import App
from receiver.state import records

_STOPPED_AT_ONCE = 16
_LOG_BYTES = 256 * 1024
_LINE_BYTES = 16 * 1024


class SupervisorBackground:
    """The processes besides web of all apps of an embedded server; none run while it is down."""

    def __init__(
        self,
        layout: Layout,
        supervisor: Supervisor,
        launcher: programs.Launcher,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._layout = layout
        self._clock = clock
        self._supervisor = supervisor
        self._launcher = launcher

    def files(self, app: AppName, formation: Formation, settings: App) -> tuple[WriteFile, ...]:
        """The program file of an app; mounts are links in its release's tree."""
        del settings
        return process_files(self._layout, app, formation, self._launcher)

    def written(self, app: AppName) -> frozenset[Path]:
        """The program file, if an app has one."""
        path = program_path(self._layout, app)
        return frozenset({path} if path.exists() else ())

    def running(self, app: AppName) -> dict[Instance, int]:
        """Process ids of what runs, or is about to be started again: 0 while it has none."""
        if self._supervisor.pid() is None:
            return {}
        found: dict[Instance, int] = {}
        for told in self._supervisor.call("getAllProcessInfo"):
            instance = instance_of(app, told["group"])
            # one that ended by itself is started again at once; a stopped one is STOPPED
            if instance is not None and told["statename"] in COMING_BACK:
                found[instance] = told["pid"] if told["statename"] in ALIVE else 0
        return found

    def stop(self, app: AppName, instances: Collection[Instance]) -> frozenset[Instance]:
        """Stop processes, all at once; returns when all are gone: those that were killed."""
        if not instances or self._supervisor.pid() is None:
            return frozenset()
        from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - to look stops nothing

        formation = records.read_formation(self._layout.app(app))
        with ThreadPoolExecutor(_STOPPED_AT_ONCE) as pool:
            took_s = list(pool.map(lambda each: self._stop(_process(app, each)), instances))
        return frozenset(
            each
            for each, seconds in zip(instances, took_s, strict=True)
            if each.type in formation and seconds >= formation[each.type].graceful_s
        )

    def _stop(self, process: str) -> float:
        """Stop a process; how many seconds it took."""
        began = self._clock.now()
        self._supervisor.stop_for_good(process)
        return self._clock.now() - began

    def start(self, app: AppName, instances: Collection[Instance]) -> None:
        """Start processes afresh, as if they had never failed; a server that is down does it
        when it starts.
        """
        if not instances or self._supervisor.pid() is None:
            return
        paths = self._layout.app(app)
        for folder in (paths.work, paths.logs):
            folder.mkdir(parents=True, exist_ok=True)
        for each in instances:
            run = paths.process_run(each.name)
            files.remove_tree(run)
            run.mkdir(parents=True)
            self._supervisor.start(_process(app, each))

    def enable(self, app: AppName, instances: Collection[Instance]) -> None:
        """Nothing: a server that starts reads the record of the formation."""

    def last_end(self, app: AppName, instance: Instance) -> str | None:
        """Why a process ended last, by supervisord's own log."""
        log = self._layout.units.parent / "logs" / "supervisord.log"
        return process_ends.from_supervisord(
            _end_of(log, _LOG_BYTES), process_program(app, instance)
        )

    def last_line(self, app: AppName, instance: Instance) -> str | None:
        """What a process wrote last since its last start."""
        log = _end_of(process_log(self._layout.app(app), instance), _LINE_BYTES)
        return process_ends.last_line(map(_without_time, log))


def _without_time(line: str) -> str:
    return unstamped(line.encode())[1].decode()


def _process(app: AppName, instance: Instance) -> str:
    program = process_program(app, instance)
    return f"{program}:{program}"


def _end_of(log: Path, limit_bytes: int) -> Iterator[str]:
    if not log.exists():
        return
    with log.open("rb") as handle:
        handle.seek(max(0, handle.seek(0, os.SEEK_END) - limit_bytes))
        yield from handle.read().decode("utf-8", "replace").splitlines()

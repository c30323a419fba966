"""supervisord's programs of processes besides web.

Pure; a file for each app, a program for each process.
"""

import shlex
from pathlib import Path

import msgspec

from receiver.hosts.supervisord.programs import Launcher
from receiver.model.formation import Formation, Group, Instance, instances
from receiver.model.layout import AppPaths, Layout
from receiver.model.names import AppName
from receiver.model.plan import WriteFile
from receiver.planner.render import render


class _Program(msgspec.Struct, frozen=True):
    program: str
    command: str
    run: Path
    log: Path
    stop_signal: str
    graceful_s: int
    shell: str


def process_program(app: AppName, instance: Instance) -> str:
    """Name of the program of one process; no app can have a dot in its name, and no type either."""
    return f"{app}.ps.{instance.name}"


def instance_of(app: AppName, program: str) -> Instance | None:
    """The process that a program runs; None for a program of another kind or app."""
    start = f"{app}.ps."
    return Instance.parse(program.removeprefix(start)) if program.startswith(start) else None


def process_log(paths: AppPaths, instance: Instance) -> Path:
    """Where a process writes."""
    return paths.logs / f"ps.{instance.name}.log"


def process_files(
    layout: Layout, app: AppName, formation: Formation, launcher: Launcher
) -> tuple[WriteFile, ...]:
    """The program file of a formation; none where nothing runs."""
    paths = layout.app(app)
    programs = [
        _program(paths, each, formation[each.type], launcher) for each in instances(formation)
    ]
    if not programs:
        return ()
    text = render("supervisor/processes.conf", app=app, work=paths.work, programs=programs)
    return (WriteFile(str(program_path(layout, app)), text),)


def program_path(layout: Layout, app: AppName) -> Path:
    """Place of an app's file; supervisord reads every *.conf there."""
    return layout.units / f"{app}.ps.conf"


def _program(paths: AppPaths, instance: Instance, group: Group, launcher: Launcher) -> _Program:
    run = paths.process_run(instance.name)
    command = (
        *(str(launcher.python), "-I", "-S", str(launcher.launch), str(paths.group(instance.type))),
        *(instance.type, "--run", str(run), "--instance", str(instance.number)),
        *("--app-dir", str(paths.home)),
    )
    return _Program(
        program=process_program(paths.name, instance),
        command=shlex.join(command),
        run=run,
        log=process_log(paths, instance),
        stop_signal=group.stop_signal.removeprefix("SIG"),
        graceful_s=group.graceful_s,
        shell="true" if group.shell else "false",
    )

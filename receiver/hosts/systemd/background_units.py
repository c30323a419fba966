"""The systemd units of processes besides web: their names and their text.

Pure; a template for each type.

A type's name stands in a unit's name without hyphens and underscores, since the names of jobs are
known by theirs: `ship-blog.ps.send.mail@1.service` is process 1 of `send-mail`, and no pattern of
jobs fits it.
"""

from pathlib import Path

from receiver.hosts.systemd.sandbox import lasting_properties
from receiver.hosts.systemd.slices import slice_unit
from receiver.hosts.systemd.units import RECOVERY_UNIT, journal
from receiver.model.formation import Formation, Group, Instance
from receiver.model.layout import Layout
from receiver.model.names import AppName
from receiver.model.patterns import regex
from receiver.model.plan import WriteFile
from receiver.model.settings import App
from receiver.planner.render import render

_WRITTEN = str.maketrans("-_", ".:")
_READ = str.maketrans(".:", "-_")
_UNIT = regex(r"ship-[^.]+\.ps\.([^@]+)@([0-9]+)\.service")
_RUN = Path("/run")


def process_unit(app: AppName, instance: Instance) -> str:
    """The unit of one process."""
    written = instance.type.translate(_WRITTEN)
    return f"ship-{app}.ps.{written}@{instance.number}.service"


def process_template(app: AppName, process_type: str) -> str:
    """The template that the processes of a type are instances of."""
    return f"ship-{app}.ps.{process_type.translate(_WRITTEN)}@.service"


def process_units(app: AppName) -> str:
    """Pattern of the units of all processes; no other app's fit, because no name of an app has a
    dot.
    """
    return f"ship-{app}.ps.*@*.service"


def instance_of(unit: str) -> Instance | None:
    """The process that a unit runs; None for a unit of another kind."""
    found = _UNIT.fullmatch(unit)
    return Instance(found[1].translate(_READ), int(found[2])) if found else None


def process_files(
    layout: Layout, app: AppName, formation: Formation, runtime: Path, settings: App
) -> tuple[WriteFile, ...]:
    """The unit files of a formation.

    Nothing in them depends on a release but how its processes end.
    """
    return tuple(
        WriteFile(
            str(layout.units / process_template(app, name)),
            _text(layout, app, name, group, runtime, settings),
        )
        for name, group in formation.items()
    )


def _text(
    layout: Layout, app: AppName, name: str, group: Group, runtime: Path, settings: App
) -> str:
    paths = layout.app(app)
    run = paths.run / f"ps.{name}"
    return render(
        "systemd/process.service",
        app=app,
        type=name,
        name=process_template(app, name),
        recovery=RECOVERY_UNIT,
        launcher=runtime / "launch.py",
        aim=paths.group(name),
        home=paths.home,
        work=paths.work,
        run=run,
        run_directory=run.relative_to(_RUN),
        group=group,
        # a program hears the signal alone and tells its children; a shell would end and leave them
        # to be killed
        kill_mode="control-group" if group.shell else "mixed",
        journal=journal(app),
        slice=slice_unit(app),
        sandbox=lasting_properties(layout, app, (paths.releases, paths.storage), settings),
    )

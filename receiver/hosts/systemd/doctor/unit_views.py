"""What systemd has of the units of an app, where that differs from the files that ship wrote."""

from collections.abc import Collection, Iterator
from pathlib import Path

from receiver.hosts.systemd.doctor.unit_states import UnitState
from receiver.hosts.systemd.limit_files import FILE_NAME
from receiver.model.finding import Finding, Manage
from receiver.model.names import AppName


def look(app: AppName, mine: Collection[UnitState]) -> Iterator[Finding]:
    """Units that are outdated, masked, or were given settings by somebody."""
    outdated = [unit.name for unit in mine if unit.outdated]
    if outdated:
        yield Finding(
            name="unit.not-read",
            app=app,
            severity="warning",
            title="systemd has not read the units of this app as they are now.",
            seen=tuple(f"{name}: its file changed since." for name in outdated),
            means="The next start is by the old text.",
            does="have systemd read them: `systemctl daemon-reload`",
            repair=(Manage(("systemctl", "daemon-reload")),),
        )
    foreign = sorted(
        {path for unit in mine for path in unit.drop_ins if Path(path).name != FILE_NAME}
    )
    if foreign:
        yield Finding(
            name="unit.drop-in",
            app=app,
            severity="note",
            title="Somebody added settings to the units of this app.",
            seen=tuple(foreign),
            means="They count, above what ship wrote.",
            advice="They are yours to keep. To be without one, remove the file, then `systemctl "
            "daemon-reload`.",
        )
    for unit in mine:
        if unit.is_masked and not (Path("/etc/systemd/system") / unit.name).is_file():
            later = ("--runtime",) if unit.is_masked_until_boot else ()
            yield Finding(
                name="unit.masked",
                app=app,
                severity="broken",
                title=f"{unit.name} is masked.",
                seen=(unit.shown,),
                means="It can be started by nobody, neither by a boot nor by a deploy.",
                does="unmask it",
                repair=(Manage(("systemctl", "unmask", *later, "--", unit.name)),),
            )

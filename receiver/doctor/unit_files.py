"""The files that tell the process manager of an app: are they there, as ship wrote them, and
read.
"""

from collections.abc import Iterator
from pathlib import Path

from receiver.doctor.seen import AppSeen, Seen
from receiver.machine.files import text_at
from receiver.model.finding import AnyRepair, Finding, KeepAside, Steps
from receiver.model.plan import ChangeUnits, RemoveFile, WriteFile

_EDITED = "A change made in a file of ship's is lost; one in a folder {}.d beside it stays."
_AT_BOOT = "What runs goes on. The next start, at a boot or a deploy, fails or runs something else."


def look(seen: Seen, app: AppSeen) -> Iterator[Finding]:
    """What is wrong with the files of one app."""
    for file in _wanted(seen, app):
        found = _file(app, file)
        if found is not None:
            yield found
    yield from seen.examiner.of_files(app)


def _wanted(seen: Seen, app: AppSeen) -> tuple[WriteFile, ...]:
    host = seen.server.host
    return (
        *host.unit_files(app.name, app.settings),
        *(host.background.files(app.name, app.formation, app.settings) if app.formation else ()),
        *host.timer_files(app.name, app.timers),
    )


def _file(app: AppSeen, file: WriteFile) -> Finding | None:
    path = Path(file.path)
    if path.is_symlink():
        return _link(app, file)
    there = text_at(path)
    if there == file.text:
        return None
    if there is None:
        return _finding(
            app, file, "unit.missing", f"The file {path.name} is missing.", f"There is no {path}."
        )
    return _finding(
        app,
        file,
        "unit.edited",
        f"The file {path.name} is not as ship wrote it.",
        *_differences(there, file.text),
        keep=True,
    )


def _link(app: AppSeen, file: WriteFile) -> Finding:
    path = Path(file.path)
    target = str(path.readlink())
    steps = (RemoveFile(file.path), ChangeUnits(app.name, {file.path: file.text}))
    masked = target == "/dev/null"
    return Finding(
        name="unit.masked" if masked else "unit.replaced",
        app=app.name,
        severity="broken",
        title=f"{path.name} is masked." if masked else f"{path.name} is a link to {target}.",
        seen=(f"{path} leads to {target}.",),
        means=_AT_BOOT,
        does="write the file anew in place of the link",
        repair=(Steps(app.name, steps),),
    )


def _finding(
    app: AppSeen, file: WriteFile, name: str, title: str, *seen: str, keep: bool = False
) -> Finding:
    path = Path(file.path)
    repair: tuple[AnyRepair, ...] = (KeepAside(file.path),) if keep else ()
    return Finding(
        name=name,
        app=app.name,
        severity="warning",
        title=title,
        seen=seen,
        means=_AT_BOOT,
        does="write it anew" + (", and keep what is there aside" if keep else ""),
        repair=(*repair, Steps(app.name, (ChangeUnits(app.name, {file.path: file.text}),))),
        advice=_EDITED.format(path) if keep and path.suffix in {".service", ".timer"} else "",
    )


def _differences(there: str, wanted: str) -> tuple[str, ...]:
    """The first lines that differ."""
    ours, theirs = wanted.splitlines(), there.splitlines()
    added = [f"Only there: {line}" for line in theirs if line.strip() and line not in ours]
    gone = [f"Only in ship's: {line}" for line in ours if line.strip() and line not in theirs]
    return (*added[:3], *gone[:3]) or ("The order of its lines is another one.",)

"""Whether what is live is there: its record, its links, its files, its virtualenv."""

import os
from collections.abc import Iterator
from pathlib import Path

import msgspec

from receiver.building import marks
from receiver.doctor.seen import AppSeen, Seen
from receiver.machine import git
from receiver.machine.files import text_at
from receiver.model.errors import ShipError
from receiver.model.finding import AnyRepair, Finding, KeepAside, Rebuild, Steps, Unpack
from receiver.model.layout import SLOTS, AppPaths, SlotLetter
from receiver.model.plan import Link, WriteFile
from receiver.model.release import Live, Release
from receiver.state import records
from receiver.storage import own_files

_ANY_START = (
    "What runs goes on. Its next start fails: at a boot, a restart, or when a worker is replaced."
)


def look(seen: Seen, app: AppSeen) -> Iterator[Finding]:
    """What is missing or wrong of the live release of an app."""
    if app.release is None:
        if not app.is_known:
            yield _live(app)
        return
    if app.live is None:
        return
    yield from _links(app, app.live, app.release)
    yield from _source(app, app.release)
    yield from _config_vars(app, app.release)
    yield from _virtualenv(seen, app, app.release)


def _live(app: AppSeen) -> Finding:
    """live.json is missing, cannot be read, or names a release that is gone."""
    text, aim = text_at(app.paths.live), _any_aim(app)
    seen = f"{app.paths.live}: {text.strip()[:200]}" if text else f"There is no {app.paths.live}."
    kept = ", ".join(f"v{version}" for version in records.release_versions(app.paths)) or "none"
    repair: tuple[AnyRepair, ...] = ()
    if aim is not None:
        record = records.json_text(Live(release=aim[1], slot=aim[0]))
        keep = (KeepAside(str(app.paths.live)),) if text else ()
        repair = (*keep, Steps(app.name, (WriteFile(str(app.paths.live), record, 0o600),)))
    return Finding(
        name="release.live-record",
        app=app.name,
        severity="broken",
        title="Which release is live is not known.",
        seen=(seen, f"Releases with a record: {kept}."),
        means="What runs goes on; no command, deploy or boot can go on from it.",
        does=f"write that v{aim[1]} is live, which slot {aim[0]} runs" if aim else "",
        repair=repair,
        advice="" if aim else f"{f'Move {app.paths.live} away. ' if text else ''}{_anew(app)}",
    )


def _anew(app: AppSeen) -> str:
    return (
        f"Push again, `git push prod main`, or `ship releases:retry -a {app.name}`: a new release "
        f"takes its place. An earlier one does with `ship rollback -a {app.name}`."
    )


def _any_aim(app: AppSeen) -> tuple[SlotLetter, int] | None:
    """A slot that leads to a release that is there: the one of `current` first."""
    versions = set(records.release_versions(app.paths))
    aims = [
        (slot, aim)
        for slot in SLOTS
        if (aim := _version(app.paths.slot(slot))) is not None and aim in versions
    ]
    first = _version(app.paths.current)
    found = sorted(aims, key=lambda each: (each[1] != first, -each[1]))
    return found[0] if found else None


def _version(link: Path) -> int | None:
    name = link.readlink().name if link.is_symlink() else ""
    return int(name[1:]) if name.startswith("v") and name[1:].isdecimal() else None


def _links(app: AppSeen, live: Live, release: Release) -> Iterator[Finding]:
    wanted = {app.paths.current: f"releases/{release.label}"}
    if release.served == "process":
        wanted[app.paths.slot(live.slot)] = f"../releases/{release.label}"
    for name, group in app.formation.items():
        wanted[app.paths.group(name)] = f"../releases/v{group.version}"
    for link, target in wanted.items():
        there = str(link.readlink()) if link.is_symlink() else None
        if there == target:
            continue
        seen = f"{link} leads to {there}." if there else f"{link} is missing, or no link."
        yield Finding(
            name="release.link",
            app=app.name,
            severity="broken",
            title=f"The link {link.relative_to(app.paths.home)} does not lead to the live release "
            f"{release.label}.",
            seen=(f"{seen} It should lead to {target}.",),
            means="The next start, and the next change of workers, runs something else or nothing;"
            " static files come from there.",
            does="make the link anew",
            repair=(Steps(app.name, (Link(str(link), target),)),)
            if there or not link.exists()
            else (),
            advice=""
            if there or not link.exists()
            else f"Move {link} away, then `ship doctor --fix`.",
        )


def _source(app: AppSeen, release: Release) -> Iterator[Finding]:
    home = app.paths.release(release.version)
    if "web" not in release.processes and not app.formation:
        return
    there = home.source.is_dir() and any(home.source.iterdir())
    if not there:
        slug = home.slug.is_file()
        yield Finding(
            name="release.source",
            app=app.name,
            severity="broken",
            title=f"The files of {release.label} are gone.",
            seen=(f"{home.source} is missing, or empty.",),
            means=_ANY_START,
            does="unpack them again from the release's slug" if slug else "",
            repair=(Unpack(app.name, release.version),) if slug else (),
            advice=""
            if slug
            else f"Push again: `git push prod main`, or `ship releases:retry -a {app.name}`.",
        )


def _config_vars(app: AppSeen, release: Release) -> Iterator[Finding]:
    """The file of them is lost: it is written again only where it is sure what stood there."""
    env = app.paths.release(release.version).env
    if records.readable_config(env) is not None:
        return
    config, gid = _ran_with(app.paths, release), app.owner.gid if app.owner else -1
    write = WriteFile(str(env), records.config_text(config or {}), 0o640, gid)
    yield Finding(
        name="release.env",
        app=app.name,
        severity="broken",
        title=f"The config vars that {release.label} runs with are gone.",
        seen=(
            f"{env} cannot be read." if env.exists() else f"There is no {env}.",
            *(
                ()
                if config is not None
                else ("Config vars may have been changed since it was made.",)
            ),
        ),
        means=_ANY_START,
        does="" if config is None else "write them once more, as they were",
        repair=() if config is None else (Steps(app.name, (write,)),),
        advice=""
        if config is not None
        else f"See what is set now, `ship config -a {app.name}`; a new release takes it along:"
        f" `ship releases:retry -a {app.name}`.",
    )


def _ran_with(paths: AppPaths, release: Release) -> dict[str, str] | None:
    """The config vars of a release without its own file of them; None where some may be pending
    since.
    """
    # a rollback stores what was pending before it, and runs without
    if release.restores is not None:
        source = paths.release(release.restores).env
        return records.readable_config(source)
    record = paths.release(release.version).record
    stored = paths.config
    if stored.exists() and stored.stat().st_mtime_ns > record.stat().st_mtime_ns:
        return None
    return records.read_config(stored)


def _virtualenv(seen: Seen, app: AppSeen, release: Release) -> Iterator[Finding]:
    if release.venv is None:
        return
    venv, wrong = Path(release.venv), _wrong_with(Path(release.venv))
    if wrong is None:
        return
    newest = _head(seen, app)
    can = newest == release.commit
    yield Finding(
        name="release.virtualenv",
        app=app.name,
        severity="broken",
        title=f"The virtualenv of {release.label} cannot be used.",
        seen=(wrong, f"It was made with Python {release.python}."),
        means=_ANY_START,
        does=(
            "build this commit again, with a Python that is here; it is checked before it takes "
            "over"
        )
        if can
        else "",
        repair=(Rebuild(app.name, str(venv)),) if can else (),
        advice="An upgrade of the system takes the old Python away. Other releases with it need"
        " another build before a rollback."
        if can
        else "The live commit is not the newest that was pushed. Push what should be live:"
        " `git push prod main`.",
    )


def _wrong_with(venv: Path) -> str | None:
    """What keeps Python from starting in a virtualenv; looked at, never run.

    The app's builds write there: of links, only the last one is followed.
    """
    with own_files.opened(venv) as top:
        if top is None:
            return f"There is no folder {venv}."
    return _no_python(venv) or _no_interpreter(venv) or _no_packages(venv)


def _no_python(venv: Path) -> str | None:
    with own_files.opened(venv, "bin") as programs:
        if programs is not None and _leads_somewhere("python", programs):
            return None
        target = "" if programs is None else _target("python", programs)
    return f"There is no {venv / 'bin' / 'python'}{target}."


def _leads_somewhere(name: str, folder: int) -> bool:
    try:
        os.stat(name, dir_fd=folder)
    except OSError:
        return False
    return True


def _target(name: str, folder: int) -> str:
    try:
        return f", which leads to {os.readlink(name, dir_fd=folder)}"
    except OSError:
        return ""


def _no_interpreter(venv: Path) -> str | None:
    told = (marks.interpreter(venv) or "").split()
    if not told:
        return f"There is no {marks.place(venv)}: the virtualenv was not finished."
    if not Path(told[-1]).exists():
        return f"It is of {told[-1]}, which is not on this machine any more."
    if lost := marks.lost(venv):
        return f"{venv} lacks {lost} of the files that it was made with."
    return None


def _no_packages(venv: Path) -> str | None:
    with own_files.opened(venv, "lib") as lib:
        names = [] if lib is None else os.listdir(lib)  # noqa: PTH208 - a Path could follow a link
    for name in names:
        with own_files.opened(venv, "lib", name, "site-packages") as found:
            if found is not None:
                return None
    return f"{venv}/lib has no site-packages."


def _head(seen: Seen, app: AppSeen) -> str | None:
    try:
        return git.resolve_commit(seen.server.layout.repo(app.name), "HEAD")
    except (ShipError, OSError, msgspec.MsgspecError):
        return None

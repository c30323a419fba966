"""What an app has run around its own changes: the release phase, and the scripts of its app.json.

All of it runs as the app runs: its account, sandbox, virtualenv and config vars.
"""

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace

from receiver.changes.change import AppChange
from receiver.changes.points import reached
from receiver.deploy.stages import carried
from receiver.deploy.stages.transition import turn
from receiver.hosts.jobs import Job, JobTimeoutError
from receiver.model.errors import CheckError, ReleaseError, ShipError, without_pushing
from receiver.model.release import Release
from receiver.model.settings import Occasion, ReleasePhase
from receiver.runs.jobs import launch_argv, launch_variables, make_run_folder, release_variables
from receiver.runs.pushed import Tail, cause
from receiver.state import records

_TYPE = "release"
_STAYS = "Changes it made to a database stay."
_KILLED = (-9, 137)
"""Statuses of what SIGKILL ended: of a process of one's own, and as a shell tells it."""
_AGAIN: dict[Occasion, str] = {
    "deploy": "correct it and push again.",
    "rollback": "or go back without it: `ship rollback --no-release-phase`.",
    "config": "or change the config vars without it: `--no-release-phase`.",
}
_WHY_NOT: dict[Occasion, str] = {
    "deploy": "`on` in ship.toml names no deploy",
    "rollback": "`--release-phase` has it run",
    "config": "`--release-phase` has it run",
}


def release_phase(
    work: AppChange, release: Release, occasion: Occasion, *, wanted: bool | None = None
) -> None:
    """Run the `release:` line of the Procfile, where it is to run on this occasion.

    Args:
        work: the change under way
        release: the release that is about to take over
        occasion: what kind of change it is
        wanted: what somebody asked for this once; None for what the release's own ship.toml says

    Raises:
        ReleaseError: it failed or took too long
    """
    due = occasion in release.phase.on if wanted is None else wanted
    home = work.paths.release(release.version)
    if _TYPE not in release.processes:
        if wanted:
            work.out.say("There is no release phase: the Procfile has no line `release:`.")
        return
    if not due:
        work.out.say(f"The release phase is not run: {_WHY_NOT[occasion]}.")
        carried.tell(home, work.out)
        return
    work.out.belongs_to("release")
    work.out.step("Running the release phase")
    seen = carried.before(home)
    _run(work, release, _release_job(work, release), _Told("release phase", _AGAIN[occasion]))
    carried.keep(work, release, seen)
    work.out.belongs_to("build")
    reached("release phase done")


def predeploy(
    work: AppChange, release: Release, venv: Path | None, commands: Sequence[str]
) -> bool:
    """Run the predeploy scripts in the built tree; what they change there is part of the release.

    Nothing is run where nothing will stand: scripts may change what does not go back.

    Args:
        work: the change under way
        release: the release to be, as far as it is known
        venv: its virtualenv
        commands: the scripts

    Returns:
        whether any ran

    Raises:
        ReleaseError: one failed or took too long
    """
    if commands and not work.stands:
        work.out.say("The predeploy script of app.json is not run by a check.")
        return False
    for command in commands:
        work.out.step("Running the predeploy script of app.json")
        work.out.say(f"$ {command}")
        job = _script(work, release, venv, command, "predeploy")
        with turn(work):
            told = _Told("predeploy script", _AGAIN["deploy"], "release/predeploy-failed")
            _run(work, release, job, told)
    if commands:
        reached("predeploy done")
    return bool(commands)


def postdeploy(work: AppChange, release: Release, commands: Sequence[str]) -> None:
    """Have the postdeploy scripts run once the release is live for good.

    Visitors are with the new release already, so that a failure is told and recorded, and undoes
    nothing.
    """
    if commands:
        work.afterwards.append(lambda: _postdeploy(work, release, commands))


def _postdeploy(work: AppChange, release: Release, commands: Sequence[str]) -> None:
    work.out.belongs_to("release")
    _run_postdeploy(work, release, commands)
    work.out.belongs_to("build")


def _run_postdeploy(work: AppChange, release: Release, commands: Sequence[str]) -> None:
    venv = Path(release.venv) if release.venv else None
    for command in commands:
        work.out.step("Running the postdeploy script of app.json")
        work.out.say(f"$ {command}")
        try:
            job = _script(work, release, venv, command, "postdeploy")
            _run(work, release, job, _Told("postdeploy script"))
        except ShipError as error:  # also: stopped by somebody, or the server could not start it
            work.out.flush()
            how = error.detail if isinstance(error, ReleaseError) else error.title
            _report_postdeploy(work, release, command, how)
            return
    reached("postdeploy done")


def _report_postdeploy(work: AppChange, release: Release, command: str, how: str) -> None:
    """Show that a script failed, and record it; the release is live all the same."""
    told = f"The postdeploy script failed. {how}"
    again = shlex.join(("ship", "run", "--", "sh", "-c", command))
    work.out.warn(f"{told}\n{release.label} is live all the same. To run it again:\n  {again}")
    records.write_release(work.paths, replace(release, postdeploy=told), work.state.gid)


class _Told(NamedTuple):
    """The words for a failure."""

    what: str
    again: str = ""
    reason: str = "release/failed"


def _run(work: AppChange, release: Release, job: Job, told: _Told) -> None:
    """Run to the end, with its output in the log.

    Raises:
        ReleaseError: it failed or took too long
    """
    tail = Tail()

    def take(chunk: bytes) -> None:
        tail.hear(chunk)
        work.out.feed(chunk)

    try:
        status = work.server.engine.jobs.run(job, take)
    except JobTimeoutError as error:
        work.out.flush()
        late = f"It took longer than {job.limit_s:g} s."
        raise _failed(told._replace(reason="release/timeout"), late) from error
    work.out.flush()
    if status:
        why = cause(work.state, release, tail.said)
        raise _explained(told, _ended(status), tail.said, why)


def _explained(told: _Told, ended: str, said: bytes, why: CheckError | None) -> ReleaseError:
    """The error with its cause, where its output tells one."""
    if why is None:
        look = "Read its output above," if said.strip() else "It wrote nothing:"
        return _failed(told, ended, look)
    seen = " ".join(part for part in (why.title, why.detail) if part)
    error = _failed(told, f"{ended}\n{seen}")
    again = told.again if told.again.startswith("or ") else "then push again."
    error.advice = f"{without_pushing(why.advice)}\n{again[:1].upper()}{again[1:]} {_STAYS}"
    return error


def _ended(status: int) -> str:
    if status in _KILLED:
        return "SIGKILL ended it, as happens to what uses up the memory that there is."
    return f"It ended with exit status {status}."


def _limit_s(work: AppChange, rules: ReleasePhase) -> float:
    """The app's own limit, never above the server's."""
    most_s = work.server.settings.release_limit_s
    own_s = rules.limit_s
    if own_s is not None and own_s > most_s:
        work.out.say(f"The server's limit of {most_s} s counts, not the {own_s} s of ship.toml.")
    return float(min(own_s or most_s, most_s))


def _release_job(work: AppChange, release: Release) -> Job:
    paths = work.paths
    home = paths.release(release.version)
    run = paths.run / _TYPE
    make_run_folder(work.state, run)
    return Job(
        app=paths.name,
        argv=launch_argv(home.home, _TYPE, "--run", str(run)),
        cwd=paths.work,
        env=launch_variables(paths, run),
        writable=(run, home.source, paths.storage, *_opened(release)),
        limit_s=_limit_s(work, release.phase),
        name=_TYPE,
    )


def _opened(release: Release) -> tuple[Path, ...]:
    """A virtualenv that is of this release alone, and that its own commands install into."""
    return (Path(release.venv),) if release.opened and release.venv else ()


def _script(work: AppChange, release: Release, venv: Path | None, command: str, name: str) -> Job:
    paths = work.paths
    home, run = paths.release(release.version), paths.run / name
    make_run_folder(work.state, run)
    return Job(
        app=paths.name,
        argv=("/bin/sh", "-c", command),
        cwd=home.source,
        env={
            **release_variables(paths, work.state.hosts, venv, home.source),
            "DYNO": f"run.{release.version}",
            "HOME": str(run),
            "SHIP_PROCESS": name,
        },
        config=home.env,
        writable=(run, home.source, paths.storage),
        limit_s=_limit_s(work, release.phase),
        name=name,
    )


def _failed(told: _Told, detail: str, look: str = "Read its output above,") -> ReleaseError:
    return ReleaseError(
        f"The {told.what} failed, so nothing was released. The previous release keeps serving.",
        detail=detail,
        advice=f"{look} {told.again} {_STAYS}",
        reason=told.reason,
    )

"""What an app has run around its own changes: the release phase, and the scripts of its app.json.

All of it runs as the app runs: its account, sandbox, virtualenv and config vars.
"""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from msgspec.structs import replace

from receiver.changes.points import reached
from receiver.deploy.pushed_tree import PushedTree
from receiver.deploy.transition import Transition
from receiver.hosts.jobs import Job, JobTimeoutError
from receiver.model.errors import ShipError
from receiver.model.layout import ReleasePaths
from receiver.model.release import Release
from receiver.model.settings import Occasion, ReleasePhase
from receiver.runs.jobs import launch_argv, launch_variables, make_run_folder, release_variables
from receiver.state import records

_TYPE = "release"
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


@dataclass(frozen=True, slots=True)
class _Failure:
    """How a job did not come to a good end."""

    detail: str
    in_time: bool = True


def release_phase(
    work: Transition, release: Release, occasion: Occasion, *, wanted: bool | None = None
) -> None:
    """Run the `release:` line of the Procfile, where it is to run on this occasion.

    Args:
        work: the change under way
        release: the release that is about to take over
        occasion: what kind of change it is
        wanted: what somebody asked for this once; None for what the release's own ship.toml says

    Raises:
        ShipError: it failed or took too long; the reason is of class `release`
    """
    due = occasion in release.phase.on if wanted is None else wanted
    if _TYPE not in release.processes:
        if wanted:
            work.out.say("There is no release phase: the Procfile has no line `release:`.")
        return
    if not due:
        work.out.say(f"The release phase is not run: {_WHY_NOT[occasion]}.")
        return
    work.out.belongs_to("release")
    work.out.step("Running the release phase")
    failure = _run(work, _release_job(work, release))
    if failure:
        reason = "release/failed" if failure.in_time else "release/timeout"
        raise _failed("release phase", failure.detail, _AGAIN[occasion], reason)
    work.out.belongs_to("build")
    reached("release phase done")


def predeploy(
    work: Transition, home: ReleasePaths, venv: Path | None, tree: PushedTree, *, trial: bool
) -> bool:
    """Run the predeploy scripts in the built tree; what they change there is part of the release.

    Args:
        work: the change under way
        home: the folder of the release
        venv: its virtualenv
        tree: what was pushed
        trial: True where nothing is to be released: scripts may change what does not go back

    Returns:
        whether any ran

    Raises:
        ShipError: one failed or took too long; the reason is of class `release`
    """
    commands = tree.app_json.predeploy
    if trial and commands:
        work.out.say("The predeploy script of app.json is not run by a check.")
        return False
    for command in commands:
        work.out.step("Running the predeploy script of app.json")
        work.out.say(f"$ {command}")
        job = _script(work, home, venv, command, tree.manifest.release, "predeploy")
        with work.turn():
            failure = _run(work, job)
        if failure:
            reason = "release/predeploy-failed" if failure.in_time else "release/timeout"
            raise _failed("predeploy script", failure.detail, _AGAIN["deploy"], reason)
    if commands:
        reached("predeploy done")
    return bool(commands)


def postdeploy(work: Transition, release: Release, commands: Sequence[str]) -> None:
    """Have the postdeploy scripts run once the release is live for good.

    Visitors are with the new release already, so that a failure is told and recorded, and undoes
    nothing.
    """
    if commands:
        work.afterwards.append(lambda: _postdeploy(work, release, commands))


def _postdeploy(work: Transition, release: Release, commands: Sequence[str]) -> None:
    work.out.belongs_to("release")
    _run_postdeploy(work, release, commands)
    work.out.belongs_to("build")


def _run_postdeploy(work: Transition, release: Release, commands: Sequence[str]) -> None:
    home = work.paths.release(release.version)
    venv = Path(release.venv) if release.venv else None
    for command in commands:
        work.out.step("Running the postdeploy script of app.json")
        work.out.say(f"$ {command}")
        try:
            failure = _run(work, _script(work, home, venv, command, release.phase, "postdeploy"))
        except ShipError as error:  # stopped by somebody, or the server could not start it
            work.out.flush()
            failure = _Failure(error.title)
        if failure:
            told = f"The postdeploy script failed. {failure.detail}"
            again = shlex.join(("ship", "run", "--", "sh", "-c", command))
            work.out.warn(
                f"{told}\n{release.label} is live all the same. To run it again:\n  {again}"
            )
            records.write_json(home.record, replace(release, postdeploy=told))
            return
    reached("postdeploy done")


def _run(work: Transition, job: Job) -> _Failure | None:
    """Run to the end, with its output in the log; how it failed, if it did."""
    try:
        status = work.server.host.jobs.run(job, work.out.feed)
    except JobTimeoutError:
        work.out.flush()
        return _Failure(f"It took longer than {job.limit_s:g} s.", in_time=False)
    work.out.flush()
    return _Failure(_ended(status)) if status else None


def _ended(status: int) -> str:
    if status in _KILLED:
        return "SIGKILL ended it, as happens to what uses up the memory that there is."
    return f"It ended with exit status {status}."


def _limit_s(work: Transition, rules: ReleasePhase) -> float:
    """The app's own limit, never above the server's."""
    most_s = work.server.settings.release_limit_s
    own_s = rules.limit_s
    if own_s is not None and own_s > most_s:
        work.out.say(f"The server's limit of {most_s} s counts, not the {own_s} s of ship.toml.")
    return float(min(own_s or most_s, most_s))


def _release_job(work: Transition, release: Release) -> Job:
    paths = work.paths
    home = paths.release(release.version)
    run = paths.run / _TYPE
    make_run_folder(work.server, paths, run)
    return Job(
        app=paths.name,
        argv=launch_argv(home.home, _TYPE, "--run", str(run)),
        cwd=paths.work,
        env=launch_variables(paths, run),
        writable=(run, home.source, paths.storage),
        limit_s=_limit_s(work, release.phase),
        name=_TYPE,
    )


def _script(
    work: Transition,
    home: ReleasePaths,
    venv: Path | None,
    command: str,
    rules: ReleasePhase,
    name: str,
) -> Job:
    paths = work.paths
    run = paths.run / name
    make_run_folder(work.server, paths, run)
    return Job(
        app=paths.name,
        argv=("/bin/sh", "-c", command),
        cwd=home.source,
        env={
            **release_variables(paths, work.server.address(paths.name), venv),
            "HOME": str(run),
            "SHIP_PROCESS": name,
        },
        config=home.env,
        writable=(run, home.source, paths.storage),
        limit_s=_limit_s(work, rules),
        name=name,
    )


def _failed(what: str, detail: str, again: str, reason: str) -> ShipError:
    return ShipError(
        f"The {what} failed, so nothing was released. What served before goes on.",
        detail=detail,
        advice=f"Read its output above, {again} Changes it made to a database stay.",
        reason=reason,
    )

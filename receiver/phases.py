"""What an app has run around its own changes: the release phase, before anybody is sent to the new code.

It runs as the app runs: its account, sandbox, virtualenv and config vars.
"""

from receiver import checking
from receiver.hosts import Job, JobTimeoutError
from receiver.model.errors import ShipError
from receiver.model.release import Release
from receiver.model.settings import Occasion
from receiver.transition import Transition

_TYPE = "release"
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
    work.out.step("Running the release phase")
    _run(work, release, occasion)
    work.reached("release phase done")


def _run(work: Transition, release: Release, occasion: Occasion) -> None:
    limit_s = _limit_s(work, release)
    try:
        status = work.server.host.run(_job(work, release, limit_s), work.out.feed)
    except JobTimeoutError as error:
        work.out.flush()
        raise _failed(f"It took longer than {limit_s:g} s.", occasion, "release/timeout") from error
    work.out.flush()
    if status:
        raise _failed(f"It ended with exit status {status}.", occasion, "release/failed")


def _limit_s(work: Transition, release: Release) -> float:
    """The app's own limit, never above the server's."""
    most_s = work.server.settings.release_limit_s
    own_s = release.phase.limit_s
    if own_s is not None and own_s > most_s:
        work.out.say(f"The server's limit of {most_s} s counts, not the {own_s} s of ship.toml.")
    return float(min(own_s or most_s, most_s))


def _job(work: Transition, release: Release, limit_s: float) -> Job:
    paths = work.paths
    home = paths.release(release.version)
    run = paths.run / _TYPE
    checking.make_run_folder(work.server, paths, run)
    return Job(
        app=paths.name,
        argv=checking.launch_argv(home.home, _TYPE, "--run", str(run)),
        cwd=paths.work,
        env={"HOME": str(run), "LANG": "C.UTF-8", "SHIP_APP": paths.name},
        writable=(run, home.source, paths.storage),
        limit_s=limit_s,
        name=_TYPE,
    )


def _failed(detail: str, occasion: Occasion, reason: str) -> ShipError:
    return ShipError(
        "The release phase failed. The release before it goes on serving.",
        detail=detail,
        advice=f"Read its output above, {_AGAIN[occasion]} Changes it made to a database stay.",
        reason=reason,
    )

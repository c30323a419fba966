"""The first stage, for code that was built before: with other config vars, or as it was once."""

from collections.abc import Mapping
from typing import NamedTuple

from msgspec.structs import replace

from receiver.changes.app_state import AppState
from receiver.deploy.stages import carried
from receiver.deploy.stages.config import of_live, of_release, stored
from receiver.deploy.stages.decision import Decision, Kept, hide_values
from receiver.deploy.stages.requests import ConfigChange, Rollback
from receiver.model.config_vars import Difference, carried_over
from receiver.model.errors import NotFoundError
from receiver.model.output import Output
from receiver.model.release import Release
from receiver.model.settings import Occasion
from receiver.model.webserver import parse_processes
from receiver.planner.web_part import WebPart, refuse_lost
from receiver.state import records


class Pending(NamedTuple):
    """Config vars that are only stored: no release is made for them."""

    stored: Mapping[str, str]
    why: str


def decide_config(app: AppState, change: ConfigChange, out: Output) -> Decision | Pending:
    """Decide what a change of config vars takes.

    Raises:
        ConfigChangedError: somebody else changed the same ones meanwhile
        UsageError: together they are too many
    """
    before, runs = stored(app), of_live(app)
    config = change.applied(before)
    if app.release is None or not change.makes_release(before, runs):
        out.step(change.description)
        return Pending(config, _why_none(app.release))
    description = Difference.between(runs, config).description
    out.step(description)
    hide_values(app, config, out)
    phase = _with_phase(app, app.release, "config", change)
    return Decision(
        draft=_draft(app, app.release, change, config, description),
        config=config,
        stored=config,
        code=_code_of(app, app.release, out, phase=phase),
        occasion="config",
        release_phase=phase,
    )


def _why_none(live: Release | None) -> str:
    if live is None:
        return "There is no code yet; the first push takes this along."
    return f"{live.label} runs like this already: no release is made."


def decide_rollback(app: AppState, request: Rollback, out: Output) -> Decision:
    """Decide which release a rollback brings back, and report what returns with it.

    Raises:
        NotFoundError: there is no such release, or none before the live one
        BuildError: it has no web process, and the live one has
    """
    wanted = _target(app, request.target)
    refuse_lost(WebPart.of(wanted), app.release, stopped=app.settings.stopped)
    config = of_release(app, wanted)
    _report(app, wanted, config, out)
    hide_values(app, config, out)
    draft = _draft(app, wanted, request, config, f"Rollback to {wanted.label}")
    phase = _with_phase(app, wanted, "rollback", request)
    return Decision(
        draft=replace(draft, restores=wanted.restores or wanted.version),
        config=config,
        stored=_with_pending(app, config),
        code=_code_of(app, wanted, out, phase=phase),
        occasion="rollback",
        release_phase=phase,
    )


def _draft(
    app: AppState,
    source: Release,
    request: ConfigChange | Rollback,
    config: Mapping[str, str],
    description: str,
) -> Release:
    """A release of the code of an earlier one: all but the processes is known from that."""
    return replace(
        source,
        version=records.next_version(app.paths),
        description=description,
        by=request.by,
        created_at=app.server.clock.stamp(),
        restores=None,
        postdeploy=None,
        address=app.address,
        hosts=app.hosts,
        boot_limit_s=app.settings.check_limit_s,
        check=source.checked_by(app.settings),
        processes=parse_processes(source.lines, config, classic=source.classic),
    )


def _with_phase(
    app: AppState, release: Release, occasion: Occasion, request: ConfigChange | Rollback
) -> bool | None:
    """Whether the release phase runs: as asked for, as its ship.toml says, or because what it wrote
    could not be kept; None where there is none.
    """
    if request.release_phase is not None or "release" not in release.processes:
        return request.release_phase
    return occasion in release.phase.on or carried.is_too_large(app.paths.release(release.version))


def _code_of(app: AppState, release: Release, out: Output, *, phase: bool | None) -> Kept:
    """The slug, and what the release phase wrote, unless that runs on the built tree again."""
    home = app.paths.release(release.version)
    if phase or "release" not in release.processes:
        return Kept(home.slug)
    if carried.is_unknown(home):
        out.say(
            f"{release.label} was released before Ship kept what a release phase writes into the"
            " tree. If it writes there, `--release-phase` has it do so again."
        )
    return Kept(home.slug, home.phase if home.phase.is_file() else None)


def _target(app: AppState, version: int | None) -> Release:
    """The release to go back to: the one named, or the newest of other code or config than the live
    one.
    """
    if app.release is None:
        raise NotFoundError(
            f"{app.paths.name} has no release yet.",
            advice="Push some code first: `git push prod main`.",
            reason="not-found/release",
        )
    if version is not None:
        return _complete(app, version)
    live = app.release.restores or app.release.version
    earlier = [found for found in records.release_versions(app.paths) if found < live]
    if not earlier:
        raise NotFoundError(
            f"There is no release before {app.release.label} to go back to.",
            advice="`ship releases` lists what is kept.",
            reason="not-found/release",
        )
    return _complete(app, earlier[-1])


def _complete(app: AppState, version: int) -> Release:
    """The release, if its config vars are there: without its own it would run with none, and nobody
    would know why.
    """
    release = records.read_release(app.paths, version)
    env = app.paths.release(version).env
    if not env.is_file():
        raise NotFoundError(
            f"The config vars of {release.label} are gone.",
            detail=f"There is no {env}.",
            advice="Choose another release; `ship releases` lists them."
            " What serves goes on as it was.",
            reason="not-found/config-vars",
        )
    return release


def _report(app: AppState, wanted: Release, config: Mapping[str, str], out: Output) -> None:
    """What a rollback to `wanted`, which ran with `config`, brings back and what it leaves."""
    live = app.release.label if app.release else "nothing"
    out.step(f"Rolling back {app.paths.name} from {live} to {wanted.label}")
    out.say(
        f"{wanted.label} is: {wanted.description}, commit {wanted.commit[:7]}, {wanted.created_at}."
    )
    out.say(
        "Code, virtualenv, config vars and process types return;"
        " data in storage/ and databases do not."
    )
    runs = of_live(app)
    if names := Difference.between(runs, config).names:
        out.say(f"Config vars that change: {', '.join(names)}.")
    if pending := Difference.between(config, _with_pending(app, config)):
        out.say(f"Still pending, for the next release: {pending}.")


def _with_pending(app: AppState, config: Mapping[str, str]) -> Mapping[str, str]:
    """What is to be stored at a rollback: what was set and never released outlives it."""
    return carried_over(config, of_live(app), stored(app))

"""The story of a check: what a push would do, up to the moment before anybody is sent to it;
then all goes back.

Only the virtualenv stays, so that a push of the same commit finds it. The release phase is not run,
because it changes what does not go back.
"""

from collections.abc import Sequence
from typing import NamedTuple

from buildpacks.python.trials import Trial, trials
from buildpacks.python.variables import Wanted, wanted_variables
from receiver.changes.app_state import AppState
from receiver.changes.change import AppChange
from receiver.deploy.stages import canary
from receiver.deploy.stages.build import build
from receiver.deploy.stages.decision import decide
from receiver.deploy.stages.ready import Ready, stand_ready
from receiver.deploy.stages.requests import Push
from receiver.deploy.stages.transition import trial
from receiver.deploy.tree.spool import limits_of
from receiver.hosts import memory
from receiver.hosts.jobs import Job, JobMemoryError, JobTimeoutError
from receiver.model.build import Tree
from receiver.model.errors import CheckError
from receiver.model.output import Output
from receiver.model.release import Release
from receiver.planner.swap import other, stops_first
from receiver.runs.jobs import make_run_folder, release_variables
from receiver.server import Server
from receiver.state import records

_KEPT_CHARACTERS = 64 * 1024


class _Questions(NamedTuple):
    """What the code itself gives to ask about."""

    variables: Sequence[Wanted]
    """Those that it reads without a default."""
    framework: Sequence[Trial]
    """What its framework can find out."""


def check(server: Server, push: Push, out: Output) -> None:
    """Build the pushed tree, start it where nobody meets it, and ask it.

    Raises:
        ShipError: a push of it would fail, or its framework found something
    """
    questions = _questions(server, push)
    out.step(f"Receiving {push.commit[:7]} for {push.app}")
    with trial(server, push.app, push.about("check"), out) as work:
        decision = decide(work.state, push, out)
        built = build(work, decision)
        ready = stand_ready(work, built)
        _ask_all(work, ready, questions)
    _conclude(server, push, out)
    out.remarks(ready.remarks)


def _questions(server: Server, push: Push) -> _Questions:
    with push.archive.open("rb") as archive:
        tree = Tree(archive, limits_of(server.settings))
        config = records.read_config(server.app(push.app).config)
        return _Questions(framework=trials(tree, config), variables=wanted_variables(tree, config))


def _conclude(server: Server, push: Push, out: Output) -> None:
    live = records.read_live(server.app(push.app))
    out.step(f"{push.commit[:7]} passed its check")
    serves = f"v{live.release} serves as before" if live else "nothing is live yet"
    out.say(f"Nothing was released: {serves}.")


def _ask_all(work: AppChange, ready: Ready, questions: _Questions) -> None:
    given = ready.decision.config  # app.json's among them
    _tell_variables([each for each in questions.variables if each.name not in given], work.out)
    _ask(work, ready.release)
    for each in questions.framework:
        _try(work, ready.release, each)


def _tell_variables(wanted: Sequence[Wanted], out: Output) -> None:
    if not wanted:
        return
    out.warn("The code reads these variables without a default, and no config var sets them:")
    for each in wanted:
        out.warn(f"  {each.name}  ({each.path}, line {each.line})")


def _ask(work: AppChange, release: Release) -> None:
    """Start the web process on an address of its own, and ask it as a visitor would."""
    if "release" in release.lines:
        work.out.say(f"The release phase is not run by a check: `{release.lines['release']}`.")
    if release.served != "process":
        work.out.say("There is no web process to ask.")
        return
    app = work.state
    if app.serves is not None and stops_first(app.release, release):
        work.out.say("It is not started: by ship.toml's stop-first, nothing runs beside the old.")
        return
    work.out.step("Starting it where nobody is sent to, and asking it")
    port = app.settings.own_port(other(app.slot) if app.live else app.slot)
    canary.check(app, release, work.out, port=port)


def _try(work: AppChange, release: Release, trial: Trial) -> None:
    work.out.step(trial.title)
    said = bytearray()
    server = work.state.server
    limit_s = float(server.settings.build_limit_s)

    def take(chunk: bytes) -> None:
        said.extend(chunk)
        del said[:-_KEPT_CHARACTERS]
        work.out.feed(chunk)

    try:
        status = server.engine.jobs.run(_job(work.state, release, trial, limit_s), take)
    except JobTimeoutError as error:
        raise _too_long(trial, limit_s) from error
    except JobMemoryError as error:
        raise _too_large(trial, server.settings.build_memory) from error
    finally:
        work.out.flush()
    failure = trial.failure(said.decode("utf-8", "replace")) if status else None
    if failure is not None:
        raise failure
    if status:
        work.out.warn("That could not be found out.")


def _job(app: AppState, release: Release, trial: Trial, limit_s: float) -> Job:
    home = app.paths.release(release.version)
    run = app.paths.run / "trial"
    make_run_folder(app, run)
    return Job(
        app=app.name,
        argv=trial.argv,
        cwd=home.source / trial.folder,
        env={
            **release_variables(app.paths, app.hosts, release.venv, home.source),
            "HOME": str(run),
        },
        config=home.env,
        # not storage: whatever is run here, data stays as it is
        writable=(run, home.source),
        limit_s=limit_s,
        name="build",
        most_memory_bytes=memory.bytes_of(app.server.settings.build_memory),
    )


def _too_large(trial: Trial, limit: str) -> CheckError:
    return CheckError(
        f"`{' '.join(trial.argv)}` was killed: it used more memory than {limit}.",
        advice="See what it loads, or raise build_memory in the server's ship.toml.",
        reason="check/framework-command",
    )


def _too_long(trial: Trial, limit_s: float) -> CheckError:
    return CheckError(
        f"`{' '.join(trial.argv)}` took longer than {limit_s:g} seconds and was stopped.",
        advice="See what it waits for, or raise build_limit_s in the server's ship.toml.",
        reason="check/framework-command",
    )

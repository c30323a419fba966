"""The story of a check: what a push would do, up to the moment before anybody is sent to it;
then all goes back.

Only the virtualenv stays, so that a push of the same commit finds it. The release phase is not run,
because it changes what does not go back.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import NoReturn

from buildpacks.python.trials import Trial, trials
from buildpacks.python.variables import Wanted, wanted_variables
from receiver.deploy import canary as checking
from receiver.deploy import releasing as deploy
from receiver.deploy.transition import Transition
from receiver.hosts import memory
from receiver.hosts.jobs import Job, JobMemoryError, JobTimeoutError
from receiver.model.build import Tree
from receiver.model.errors import CheckError, ShipError
from receiver.model.output import Output
from receiver.model.release import Release
from receiver.planner.swap import other
from receiver.runs.jobs import make_run_folder, release_variables
from receiver.server import Server
from receiver.state import records

_KEPT_CHARACTERS = 64 * 1024


class _PassedError(Exception):
    """The check passed: leaving the transition by an error puts everything back."""


def rehearse(server: Server, push: deploy.Push, out: Output) -> None:
    """Build the pushed tree, start it where nobody meets it, and ask it.

    Raises:
        ShipError: a push of it would fail, or its framework found something
    """
    with push.archive.open("rb") as archive:
        tree = Tree(archive)
        config = records.read_config(server.app(push.app).config)
        framework = trials(tree, config)
        wanted = wanted_variables(tree, config)

    def trial(work: Transition, release: Release) -> NoReturn:
        # app.json's among them
        given = records.read_config(work.paths.release(release.version).env)
        _tell_variables([each for each in wanted if each.name not in given], out)
        _ask(work, release)
        for each in framework:
            _try(work, release, each)
        raise _PassedError

    try:
        deploy.deploy(server, replace(push, trial=trial), out)
    except _PassedError:
        _conclude(server, push, out)


def _conclude(server: Server, push: deploy.Push, out: Output) -> None:
    live = records.read_live(server.app(push.app))
    out.step(f"{push.commit[:7]} passed its check")
    serves = f"v{live.release} serves as before" if live else "nothing is live yet"
    out.say(f"Nothing was released: {serves}.")


def _tell_variables(wanted: Sequence[Wanted], out: Output) -> None:
    if not wanted:
        return
    out.warn("The code reads these variables without a default, and no config var sets them:")
    for each in wanted:
        out.warn(f"  {each.name}  ({each.path}, line {each.line})")


def _ask(work: Transition, release: Release) -> None:
    """Start the web process on an address of its own, and ask it as a visitor would."""
    if "release" in release.lines:
        work.out.say(f"The release phase is not run by a check: `{release.lines['release']}`.")
    if release.served != "process":
        work.out.say("There is no web process to ask.")
        return
    work.out.step("Starting it where nobody is sent to, and asking it")
    slot = other(work.live.slot) if work.live else "a"
    port = work.settings.own_port(slot)
    checking.check(work.server, work.paths, work.settings, release, work.out, port=port)


def _try(work: Transition, release: Release, trial: Trial) -> None:
    work.out.step(trial.title)
    said = bytearray()
    limit_s = float(work.server.settings.build_limit_s)

    def take(chunk: bytes) -> None:
        said.extend(chunk)
        del said[:-_KEPT_CHARACTERS]
        work.out.feed(chunk)

    try:
        status = work.server.host.jobs.run(_job(work, release, trial, limit_s), take)
    except JobTimeoutError as error:
        raise _too_long(trial, limit_s) from error
    except JobMemoryError as error:
        raise _too_large(trial, work.server.settings.build_memory) from error
    finally:
        work.out.flush()
    failure = trial.failure(said.decode("utf-8", "replace")) if status else None
    if failure is not None:
        raise failure
    if status:
        work.out.warn("That could not be found out.")


def _job(work: Transition, release: Release, trial: Trial, limit_s: float) -> Job:
    home = work.paths.release(release.version)
    run = work.paths.run / "trial"
    make_run_folder(work.server, work.paths, run)
    return Job(
        app=work.paths.name,
        argv=trial.argv,
        cwd=home.source / trial.folder,
        env={
            **release_variables(work.paths, work.server.address(work.paths.name), release.venv),
            "HOME": str(run),
        },
        config=home.env,
        # not storage: whatever is run here, data stays as it is
        writable=(run, home.source),
        limit_s=limit_s,
        name="build",
        most_memory_bytes=memory.bytes_of(work.server.settings.build_memory),
    )


def _too_large(trial: Trial, limit: str) -> ShipError:
    return CheckError(
        f"`{' '.join(trial.argv)}` was killed: it used more memory than {limit}.",
        advice="See what it loads, or raise build_memory in the server's ship.toml.",
        reason="check/framework-command",
    )


def _too_long(trial: Trial, limit_s: float) -> ShipError:
    return CheckError(
        f"`{' '.join(trial.argv)}` took longer than {limit_s:g} seconds and was stopped.",
        advice="See what it waits for, or raise build_limit_s in the server's ship.toml.",
        reason="check/framework-command",
    )

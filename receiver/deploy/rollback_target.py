"""Which release a rollback goes back to, and what the one who asked is told of it."""

from collections.abc import Mapping

from receiver.deploy.transition import Transition
from receiver.model.config_vars import Difference, carried_over
from receiver.model.errors import NotFoundError
from receiver.model.output import Output
from receiver.model.release import Release
from receiver.state import records


def rollback_target(work: Transition, target: int | None) -> Release:
    """The release to go back to: the one named, or the newest of other code or config than the
    live one.
    """
    if work.old is None:
        raise NotFoundError(
            f"{work.paths.name} has no release yet.",
            advice="Push some code first: `git push prod main`.",
            reason="not-found/release",
        )
    if target is not None:
        return _complete(work, target)
    live = work.old.restores or work.old.version
    earlier = [found for found in records.release_versions(work.paths) if found < live]
    if not earlier:
        raise NotFoundError(
            f"There is no release before {work.old.label} to go back to.",
            advice="`ship releases` lists what is kept.",
            reason="not-found/release",
        )
    return _complete(work, earlier[-1])


def _complete(work: Transition, version: int) -> Release:
    """The release, if its config vars are there: without its own it would run with none, and
    nobody would know why.
    """
    release = records.read_release(work.paths, version)
    env = work.paths.release(version).env
    if not env.is_file():
        raise NotFoundError(
            f"The config vars of {release.label} are gone.",
            detail=f"There is no {env}.",
            advice="Choose another release; `ship releases` lists them. What serves goes on as it "
            "was.",
            reason="not-found/config-vars",
        )
    return release


def say_what_returns(
    work: Transition, wanted: Release, config: Mapping[str, str], out: Output
) -> None:
    """Tell what a rollback to `wanted`, which ran with `config`, brings back and what it leaves."""
    live = work.old.label if work.old else "nothing"
    out.step(f"Rolling back {work.paths.name} from {live} to {wanted.label}")
    out.say(
        f"{wanted.label} is: {wanted.description}, commit {wanted.commit[:7]}, {wanted.created_at}."
    )
    out.say(
        "Code, virtualenv, config vars and process types return; data in storage/ and "
        "databases do not."
    )
    if work.old is None:
        return
    runs = records.read_config(work.paths.release(work.old.version).env)
    if names := Difference.between(runs, config).names:
        out.say(f"Config vars that change: {', '.join(names)}.")
    stored = records.read_config(work.paths.config)
    if pending := Difference.between(config, carried_over(config, runs, stored)):
        out.say(f"Still pending, for the next release: {pending}.")

"""The stories: deploy, change of config, rollback. Each makes a release and swaps to it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from msgspec.structs import replace

import buildpacks
from receiver import facts, files, phases, records
from receiver.checkpoint import About
from receiver.executor import Reached, nowhere
from receiver.model import build as build_model
from receiver.model.check import overlaid
from receiver.model.errors import NotFoundError
from receiver.model.manifest import FILE_NAME, parse_manifest
from receiver.model.names import AppName
from receiver.model.output import Output
from receiver.model.release import Release
from receiver.model.settings import Occasion
from receiver.model.webserver import Gunicorn, Process, parse_web_command, plain_command
from receiver.planner.tree import refuse_unsafe, tree_notices
from receiver.server import Server
from receiver.transition import Transition, transition

_GUNICORN_VARIABLE = "GUNICORN_CMD_ARGS"


@dataclass(frozen=True, slots=True, kw_only=True)
class Push:
    """A commit that was received, as a tar file of its tree."""

    app: AppName
    archive: Path
    commit: str
    by: str
    number: int
    """Number of the build."""
    ref: str | None = None
    before: str | None = None
    """What `ref` was before the push."""
    trial: Callable[[Transition, Release], NoReturn] | None = None
    """What is done with a push that is only checked, instead of having it take over: it leaves by an error,
    which puts everything back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigChange:
    """Config vars to set and to remove; applied to what is there when the app's lock is held."""

    app: AppName
    by: str
    number: int
    values: Mapping[str, str] = field(default_factory=dict)
    removed: tuple[str, ...] = ()
    release_phase: bool | None = None
    """Whether the release phase runs; None for what the app's ship.toml says."""

    @property
    def description(self) -> str:
        """Such as `Set A, B config vars`: names only, never values."""
        parts = [
            f"{verb} {', '.join(names)} config var{'s' * (len(names) > 1)}"
            for verb, names in (("Set", sorted(self.values)), ("Unset", sorted(self.removed)))
            if names
        ]
        return "; ".join(parts)

    def applied(self, config: Mapping[str, str]) -> dict[str, str]:
        kept = {name: value for name, value in config.items() if name not in self.removed}
        return {**kept, **self.values}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollback:
    """The wish to have an earlier release live again."""

    app: AppName
    by: str
    number: int
    target: int | None = None
    """Its version; None for the one before the live one."""
    release_phase: bool | None = None
    """Whether the release phase runs; None for what the ship.toml of that release says."""


def deploy(server: Server, push: Push, out: Output, reached: Reached = nowhere) -> Release:
    """Build the pushed tree, check it, and have it take over.

    Raises:
        ShipError: it did not work; the release before it serves as it did
    """
    about = About(
        title=f"deploy of {push.commit[:7]} by {push.by}",
        build=push.number,
        ref=push.ref,
        commit=push.commit,
        before=push.before,
    )
    out.step(f"Receiving {push.commit[:7]} for {push.app}")
    with transition(server, push.app, about, out, reached) as work:
        config = records.read_config(work.paths.config)
        version, home = work.claim(config)
        with push.archive.open("rb") as archive:
            tree = build_model.Tree(archive)
            refuse_unsafe(tree)
            noticed = tree_notices(tree)
            manifest = parse_manifest(tree.read(FILE_NAME) if tree.has(FILE_NAME) else b"")
            buildpack = buildpacks.choose(tree)
            plan = buildpack.plan(tree, facts.build_facts(server, config, push.commit, work.old))
        _say_what_was_decided(plan, noticed, out)
        builder = work.builder(home, config)
        if builder.kept_back:
            out.say(f"Config vars that the build does without: {', '.join(builder.kept_back)}.")
        builder.unpack(push.archive)
        reached("unpacked")
        builder.run(plan.before, None, buildpack.explain)
        venv = plan.virtualenv and builder.virtualenv(plan.virtualenv, buildpack.explain)
        reached("installed")
        builder.run(plan.commands, venv or None, buildpack.explain)
        builder.pack(push.archive, changed=plan.changes_tree)
        release = Release(
            version=version,
            app=push.app,
            commit=push.commit,
            description=f"Deploy {push.commit[:7]}",
            by=push.by,
            created_at=server.clock.stamp(),
            buildpack=plan.buildpack,
            python=plan.virtualenv.interpreter.version if plan.virtualenv else None,
            venv=str(venv) if venv else None,
            lines=dict(plan.processes),
            processes=_processes(plan.processes, config, out),
            phase=manifest.release,
            check=overlaid(manifest.check, work.settings.check),
            code_check=manifest.check,
            static={**plan.static, **manifest.static},
            address=server.address(push.app),
            gunicorn_file=tree.has("gunicorn.conf.py"),
            boot_limit_s=work.settings.check_limit_s,
            build=push.number,
        )
        _go_live(work, push, release)
    return _announce(server, release, out)


def reconfigure(
    server: Server, change: ConfigChange, out: Output, reached: Reached = nowhere
) -> Release | None:
    """Change config vars: a release of the same code, or only a record before the first push.

    Returns:
        the new release; None when there is no code yet

    Raises:
        ShipError: the app does not come up with these; the config vars are as they were
    """
    about = About(title=f"change of config vars by {change.by}", build=change.number)
    with transition(server, change.app, about, out, reached) as work:
        config = change.applied(records.read_config(work.paths.config))
        work.change_config(config)
        if work.old is None:
            out.say("There is no code yet; the first push will use them.")
            return None
        out.step(change.description)
        release = _again(work, work.old, config, change.description, change.by)
        _take_over(work, release, "config", wanted=change.release_phase)
    return _announce(server, release, out)


def rollback(server: Server, wish: Rollback, out: Output, reached: Reached = nowhere) -> Release:
    """Make an earlier release live again, as a new release: its code, virtualenv, config and processes.

    Raises:
        NotFoundError: there is no such release, or none before the live one
        ShipError: it does not come up any more; the live release goes on serving
    """
    about = About(title=f"rollback by {wish.by}", build=wish.number)
    with transition(server, wish.app, about, out, reached) as work:
        wanted = _rollback_target(work, wish.target)
        config = records.read_config(work.paths.release(wanted.version).env)
        _say_what_returns(work, wanted, out)
        work.change_config(config)
        release = _again(work, wanted, config, f"Rollback to {wanted.label}", wish.by)
        release = replace(release, restores=wanted.restores or wanted.version)
        _take_over(work, release, "rollback", wanted=wish.release_phase)
    return _announce(server, release, out)


def _go_live(work: Transition, push: Push, release: Release) -> None:
    work.record(release)
    work.publish(release)
    if push.trial is not None:
        push.trial(work, release)
    phases.release_phase(work, release, "deploy")
    work.check(release)
    work.swap(release)


def _say_what_was_decided(
    plan: build_model.BuildPlan, noticed: tuple[str, ...], out: Output
) -> None:
    out.step(plan.title)
    for notice in (*plan.notices, *noticed):
        out.say(notice)


def _again(
    work: Transition, source: Release, config: Mapping[str, str], description: str, by: str
) -> Release:
    """A new release of the code of an earlier one, unpacked afresh from its slug; nothing is built."""
    version, home = work.claim(config)
    before = work.paths.release(source.version)
    files.link_file(before.slug, home.slug)
    work.builder(home, config).unpack(home.slug)
    return replace(
        source,
        version=version,
        description=description,
        by=by,
        created_at=work.server.clock.stamp(),
        restores=None,
        boot_limit_s=work.settings.check_limit_s,
        check=source.checked_by(work.settings),
        processes=_parsed(source.lines, config),
    )


def _take_over(
    work: Transition, release: Release, occasion: Occasion, *, wanted: bool | None
) -> None:
    work.record(release)
    work.publish(release)
    phases.release_phase(work, release, occasion, wanted=wanted)
    work.check(release)
    work.swap(release)


def _processes(
    lines: Mapping[str, str], config: Mapping[str, str], out: Output
) -> dict[str, Process]:
    """Process types of a build; tells what was left out of the web line, and why."""
    found = _parsed(lines, config)
    if found:
        out.step("Discovering process types")
        for name, line in lines.items():
            out.say(f"{name}: {line}")
    web = found.get("web")
    for notice in web.notices if isinstance(web, Gunicorn) else ():
        out.warn(notice)
    return found


def _parsed(lines: Mapping[str, str], config: Mapping[str, str]) -> dict[str, Process]:
    arguments = config.get(_GUNICORN_VARIABLE, "")
    return {
        name: parse_web_command(line, arguments) if name == "web" else plain_command(line)
        for name, line in lines.items()
    }


def _rollback_target(work: Transition, target: int | None) -> Release:
    """The release to go back to: the one named, or the newest of other code or config than the live one."""
    if work.old is None:
        raise NotFoundError(
            f"{work.paths.name} has no release yet.",
            advice="Push some code first: `git push prod main`.",
            reason="not-found/release",
        )
    if target is not None:
        return records.read_release(work.paths, target)
    live = work.old.restores or work.old.version
    earlier = [found for found in records.release_versions(work.paths) if found < live]
    if not earlier:
        raise NotFoundError(
            f"There is no release before {work.old.label} to go back to.",
            advice="`ship releases` lists what is kept.",
            reason="not-found/release",
        )
    return records.read_release(work.paths, earlier[-1])


def _say_what_returns(work: Transition, wanted: Release, out: Output) -> None:
    live = work.old.label if work.old else "nothing"
    out.step(f"Rolling back {work.paths.name} from {live} to {wanted.label}")
    out.say(
        f"{wanted.label} is: {wanted.description}, commit {wanted.commit[:7]}, {wanted.created_at}."
    )
    out.say(
        "Code, virtualenv, config vars and process types return; data in storage/ and databases do not."
    )
    names = _changed_names(
        records.read_config(work.paths.config),
        records.read_config(work.paths.release(wanted.version).env),
    )
    if names:
        out.say(f"Config vars that change: {', '.join(names)}.")


def _changed_names(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    return sorted(
        name for name in before.keys() | after.keys() if before.get(name) != after.get(name)
    )


def _announce(server: Server, release: Release, out: Output) -> Release:
    out.step(f"{release.label} is live")
    if release.restores is not None:
        out.say(f"It serves what v{release.restores} served.")
    out.say(server.url(AppName(release.app)))
    return release

"""The stories: deploy, change of config, rollback. Each makes a release and swaps to it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from msgspec.structs import replace

from receiver.building import facts
from receiver.changes.checkpoint import About
from receiver.changes.points import reached
from receiver.deploy import compiling, declared, phases, pushed_tree
from receiver.deploy.compiling import Built
from receiver.deploy.config_change import ConfigChange, Forecast, ToldError
from receiver.deploy.pushed_tree import PushedTree
from receiver.deploy.rollback_target import rollback_target, say_what_returns
from receiver.deploy.transition import Transition, transition
from receiver.machine import files
from receiver.model.app_json import AppJson
from receiver.model.check import overlaid
from receiver.model.config_vars import Difference, carried_over
from receiver.model.layout import ReleasePaths
from receiver.model.names import AppName
from receiver.model.output import Output
from receiver.model.process_limits import WEB
from receiver.model.release import Release
from receiver.model.settings import Occasion
from receiver.model.webserver import Gunicorn, Process, parse_web_command, plain_command
from receiver.server import Server
from receiver.state import records

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
    """What is done with a push that is only checked, instead of having it take over: it leaves
    by an error, which puts everything back."""
    forecast: Callable[[Transition, PushedTree, Callable[[Built], Release]], NoReturn] | None = None
    """What is done with a push of which only is told what it would do: instead of building it,
    and as `trial`."""


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
    forecast: Forecast | None = None
    """What is done instead, when only is asked what would be."""


def deploy(server: Server, push: Push, out: Output) -> Release:
    """Build the pushed tree, check it, and have it take over.

    Raises:
        ShipError: it did not work; the release before it serves as it did
    """
    about = About(
        title=f"{'check' if push.trial else 'deploy'} of {push.commit[:7]} by {push.by}",
        build=push.number,
        ref=push.ref,
        commit=push.commit,
        before=push.before,
    )
    out.step(f"Receiving {push.commit[:7]} for {push.app}")
    tries = push.trial is not None or push.forecast is not None
    with transition(server, push.app, about, out, frozen_too=tries) as work:
        tree = pushed_tree.read(work, push.archive, push.commit)
        version, home = work.claim(tree.config)
        if push.forecast is not None:
            push.forecast(work, tree, lambda built: _release(work, push, tree, version, built))
        built = _build(work, push, tree, home)
        release = _release(work, push, tree, version, built)
        _go_live(work, push, release, tree.app_json)
    return _announce(server, release, out)


def _release(work: Transition, push: Push, tree: PushedTree, version: int, built: Built) -> Release:
    return Release(
        version=version,
        app=push.app,
        commit=push.commit,
        description=f"Deploy {push.commit[:7]}",
        by=push.by,
        created_at=work.server.clock.stamp(),
        buildpack=" ".join(built.names),
        python=built.virtualenv.interpreter.version if built.virtualenv else None,
        venv=str(built.venv) if built.venv else None,
        lines=built.processes,
        processes=told_processes(built, tree.config, work.out),
        classic=built.classic,
        phase=tree.manifest.release,
        check=overlaid(tree.check, work.settings.check),
        code_check=tree.check,
        cron={**tree.app_json.jobs, **tree.manifest.cron},
        static={**built.static, **tree.manifest.static},
        rules=dict(tree.manifest.process),
        address=work.server.address(push.app),
        gunicorn_file=tree.gunicorn_file,
        boot_limit_s=work.settings.check_limit_s,
        build=push.number,
    )


def _build(work: Transition, push: Push, tree: PushedTree, home: ReleasePaths) -> Built:
    """Do what the buildpacks planned and the app asks for besides."""
    builder = work.builder(home, tree.config, tree.pip)
    builder.unpack(push.archive)
    reached("unpacked")
    store = work.server.layout.buildpacks
    built = compiling.compile_steps(builder, tree, store, work.fetch_python)
    scripts = phases.predeploy(work, home, built.venv, tree, trial=push.trial is not None)
    builder.pack(push.archive, changed=built.changed or scripts)
    return built


def reconfigure(server: Server, change: ConfigChange, out: Output) -> Release | None:
    """Change config vars: a release of the same code, or only a record before the first push.

    Returns:
        the new release; None when there is no code yet, or the app runs with these already

    Raises:
        ShipError: the app does not come up with these; the config vars are as they were
    """
    about = About(title=f"change of config vars by {change.by}", build=change.number)
    tries = change.forecast is not None
    with transition(server, change.app, about, out, frozen_too=tries) as work:
        stored = records.read_config(work.paths.config)
        config = change.applied(stored)
        work.change_config(config)
        if work.old is None:
            out.step(change.description)
            out.say("There is no code yet; the first push takes this along.")
            return None
        runs = records.read_config(work.paths.release(work.old.version).env)
        if not change.makes_release(stored, runs):
            out.step(change.description)
            out.say(f"{work.old.label} runs like this already: no release is made.")
            if change.forecast is not None:
                raise ToldError
            return None
        description = Difference.between(runs, config).description
        out.step(description)
        release = _again(work, work.old, config, description, change)
        _take_over(work, release, "config", wanted=change.release_phase)
    return _announce(server, release, out)


def rollback(server: Server, wish: Rollback, out: Output) -> Release:
    """Make an earlier release live again, as a new release: its code, virtualenv, config and
    processes.

    Raises:
        NotFoundError: there is no such release, or none before the live one
        ShipError: it does not come up any more; the live release goes on serving
    """
    about = About(title=f"rollback by {wish.by}", build=wish.number)
    tries = wish.forecast is not None
    with transition(server, wish.app, about, out, frozen_too=tries) as work:
        wanted = rollback_target(work, wish.target)
        config = records.read_config(work.paths.release(wanted.version).env)
        say_what_returns(work, wanted, config, out)
        work.change_config(_with_pending(work, config))
        release = _again(work, wanted, config, f"Rollback to {wanted.label}", wish)
        release = replace(release, restores=wanted.restores or wanted.version)
        _take_over(work, release, "rollback", wanted=wish.release_phase)
    return _announce(server, release, out)


def _with_pending(work: Transition, config: Mapping[str, str]) -> Mapping[str, str]:
    """What is to be stored at a rollback: what was set and never released outlives it."""
    if work.old is None:
        return config
    runs = records.read_config(work.paths.release(work.old.version).env)
    return carried_over(config, runs, records.read_config(work.paths.config))


def _go_live(work: Transition, push: Push, release: Release, app_json: AppJson) -> None:
    # what is done once was done by the app that this one is a clone of
    first = work.old is None and not work.settings.clone_of
    declared.settle_scale(work, app_json, release.processes)
    release = _with_workers(work, release)
    work.record(release)
    work.publish(release)
    if push.trial is not None:
        push.trial(work, release)
    phases.release_phase(work, release, "deploy")
    work.check(release)
    work.swap(release)
    phases.postdeploy(work, release, app_json.postdeploy(first=first))


def _with_workers(work: Transition, release: Release) -> Release:
    """The release with the number of workers that its share of the machine has room for; tells
    the sum.
    """
    found = None
    if WEB in work.settings.limits:
        from receiver.processes import capacity  # noqa: PLC0415 - most apps have no limit

        found = capacity.web_workers(work.server, work.paths, work.settings, release)
    if found is not None:
        work.out.say(found.why)
    return replace(release, workers=found.count if found else None)


def _again(
    work: Transition,
    source: Release,
    config: Mapping[str, str],
    description: str,
    wish: ConfigChange | Rollback,
) -> Release:
    """A new release of the code of an earlier one, unpacked afresh from its slug; nothing is
    built.
    """
    version, home = work.claim(config)
    release = replace(
        source,
        version=version,
        description=description,
        by=wish.by,
        created_at=work.server.clock.stamp(),
        restores=None,
        postdeploy=None,
        address=work.server.address(work.paths.name),
        boot_limit_s=work.settings.check_limit_s,
        check=source.checked_by(work.settings),
        processes=_parsed(source.lines, config, classic=source.classic),
    )
    if wish.forecast is not None:
        wish.forecast(work, release)
    files.link_file(work.paths.release(source.version).slug, home.slug)
    pip = facts.index_settings(work.server, config, work.paths.name)
    work.builder(home, config, pip).unpack(home.slug)
    return release


def _take_over(
    work: Transition, release: Release, occasion: Occasion, *, wanted: bool | None
) -> None:
    release = _with_workers(work, release)
    work.record(release)
    work.publish(release)
    phases.release_phase(work, release, occasion, wanted=wanted)
    work.check(release)
    work.swap(release)


def told_processes(built: Built, config: Mapping[str, str], out: Output) -> dict[str, Process]:
    """Process types of a build; tells what was left out of the web line, and why."""
    found = _parsed(built.processes, config, classic=built.classic)
    if found:
        out.step("Discovering process types")
        for name, line in built.processes.items():
            out.say(f"{name}: {line}")
    web = found.get("web")
    for notice in web.notices if isinstance(web, Gunicorn) else ():
        out.warn(notice)
    return found


def _parsed(
    lines: Mapping[str, str], config: Mapping[str, str], *, classic: bool
) -> dict[str, Process]:
    """Process types as they are run.

    What buildpacks of others set up in a shell, gunicorn's master would not see.
    """
    arguments = config.get(_GUNICORN_VARIABLE, "")
    return {
        name: parse_web_command(line, arguments)
        if name == "web" and not classic
        else plain_command(line)
        for name, line in lines.items()
    }


def _announce(server: Server, release: Release, out: Output) -> Release:
    out.step(f"{release.label} is live")
    if release.restores is not None:
        out.say(f"It serves what v{release.restores} served.")
    out.say(server.url(AppName(release.app)))
    return release

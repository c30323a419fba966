"""The first stage: what a push becomes.

It reads the pushed archive and the app as it stands. It runs nothing of the app, and writes nothing
but the archive: what the commit has elsewhere is brought in, and what is no part of the app is left
out.
"""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from receiver.building import facts, system_packages
from receiver.building.pip_settings import PipSettings
from receiver.changes.app_state import AppState
from receiver.deploy.app_json import reading
from receiver.deploy.app_json.config import settled_config
from receiver.deploy.stages import error_pages
from receiver.deploy.stages.config import known_of_live, stored
from receiver.deploy.stages.requests import Push
from receiver.deploy.tree import pushed
from receiver.deploy.tree.opening import opened
from receiver.deploy.tree.pushed import Planned, PushedTree, Step
from receiver.deploy.tree.refusals import tree_notices
from receiver.deploy.tree.spool import limits_of
from receiver.model.app_json import Formation
from receiver.model.build import Tree
from receiver.model.check import overlaid
from receiver.model.output import Output, secrets_of
from receiver.model.release import Release
from receiver.model.routing import Routing, hsts_warning
from receiver.model.settings import Occasion
from receiver.planner.web_part import WebPart, refuse_lost
from receiver.state import records


class ToBuild(NamedTuple):
    """Code that was pushed, and what builds it."""

    archive: Path
    tree: PushedTree
    pip: PipSettings
    steps: tuple[Step, ...]
    system_packages: tuple[str, ...]
    """Packages of the server's distribution that have to be installed first."""
    notices: tuple[str, ...]
    """Sentences about what was most likely committed by mistake."""


class Kept(NamedTuple):
    """Code that was built before, as the slug of its release."""

    slug: Path
    phase: Path | None = None
    """What its release phase wrote into the tree, where that does not run again."""


class Decision(NamedTuple):
    """What will be released: all that is known before anything is done for it."""

    draft: Release
    """The release to be. What only a build can tell is not in it yet."""
    config: Mapping[str, str]
    """The config vars that it runs with."""
    stored: Mapping[str, str] | None
    """What the app's own config vars become; None leaves them as they are."""
    code: ToBuild | Kept
    occasion: Occasion
    release_phase: bool | None = None
    """Whether the release phase runs; None for what the release's own ship.toml says."""
    formation: Mapping[str, Formation] = MappingProxyType({})
    """Numbers of processes that app.json wants at a first deploy."""
    postdeploy: tuple[str, ...] = ()
    """Scripts to run once it is live."""


def decide(app: AppState, push: Push, out: Output) -> Decision:
    """Decide how a push is built and released.

    Raises:
        BuildError: it cannot be built as it is
    """
    limits, root = limits_of(app.server.settings), app.settings.root
    if push.submodules:
        from receiver.deploy.stages import submodules  # noqa: PLC0415 - few apps have any

        submodules.bring(app, push, limits, out)
    with opened(push.archive, limits, out, setting=root) as tree:
        read = pushed.read(tree, out)
        before, runs = stored(app), known_of_live(app)
        config = settled_config(read.app_json.variables, before, runs, out)
        code = _code(app, push, tree, read, config, out)
        _refuse_lost_web(app, code)
        pages = error_pages.named(tree)
    hide_values(app, config, out)
    _warn_of_hsts(app, read.manifest.nginx, out)
    # what is done once was done by the app that this one is a clone of
    first = app.release is None and not app.settings.clone_of
    return Decision(
        draft=_draft(app, push, read, pages),
        config=config,
        stored=config if config != before else None,
        code=code,
        occasion="deploy",
        formation=read.app_json.formation if app.release is None else {},
        postdeploy=read.app_json.postdeploy(first=first),
    )


def hide_values(app: AppState, config: Mapping[str, str], out: Output) -> None:
    """Keep the values of config vars out of all that is said from now on."""
    out.hide(secrets_of(config, app.address))


def _code(
    app: AppState, push: Push, tree: Tree, read: PushedTree, config: Mapping[str, str], out: Output
) -> ToBuild:
    pip = facts.index_settings(app.server, config, app.name, tree)
    packages = read.manifest.build.packages
    known = facts.build_facts(app.server, config, push.commit, app.release, pip.deciding, packages)
    allowed = app.server.settings.buildpacks
    chosen = app.settings.buildpacks or reading.buildpacks(read.app_json, allowed, out)
    return ToBuild(
        archive=push.archive,
        tree=read,
        pip=pip,
        steps=pushed.plan_steps(tree, known, chosen, allowed),
        system_packages=system_packages.lacking(app.server, read.system_packages),
        notices=tree_notices(tree, app.settings.mounts),
    )


def _refuse_lost_web(app: AppState, code: ToBuild) -> None:
    """Refuse it before it is built, where it is known what will run."""
    plans = [step.plan for step in code.steps if isinstance(step, Planned)]
    if len(plans) < len(code.steps):
        return  # a buildpack of others has its say
    manifest = code.tree.manifest
    part = WebPart(
        lines={name: line for plan in plans for name, line in plan.processes.items()},
        pages="/" in manifest.static or any("/" in plan.static for plan in plans),
        wanted=manifest.web,
    )
    refuse_lost(part, app.release, stopped=app.settings.stopped)


def _warn_of_hsts(app: AppState, code: Routing, out: Output) -> None:
    """Say once what cannot be taken back: when the code begins to ask for it."""
    before = Routing() if app.release is None else app.release.nginx
    if code.hsts and not before.hsts:
        out.warn(hsts_warning(app.address, code.hsts))


def _draft(app: AppState, push: Push, read: PushedTree, pages: tuple[int, ...]) -> Release:
    return Release(
        version=records.next_version(app.paths),
        app=push.app,
        commit=push.commit,
        description=f"Deploy {push.commit[:7]}",
        by=push.by,
        created_at=app.server.clock.stamp(),
        buildpack="",
        python=None,
        venv=None,
        processes={},
        web=read.manifest.web,
        phase=read.manifest.release,
        order=read.manifest.deploy.order,
        check=overlaid(read.check, app.settings.check),
        code_check=read.check,
        cron={**read.app_json.jobs, **read.manifest.cron},
        static=read.manifest.static_of_tree,
        static_of_storage=read.manifest.static_of_storage,
        nginx=read.manifest.nginx,
        error_pages=pages,
        rules=dict(read.manifest.process),
        address=app.address,
        hosts=app.hosts,
        gunicorn_file=read.gunicorn_file,
        system_packages=read.system_packages,
        boot_limit_s=app.settings.check_limit_s,
        build=push.number,
    )

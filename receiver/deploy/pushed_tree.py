"""What a pushed tree says of itself, and what building it takes: read from the archive, before
anything of it runs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import buildpacks
from receiver.building import facts
from receiver.building.pip_settings import PipSettings
from receiver.deploy import declared
from receiver.deploy.leaving_out import opened
from receiver.deploy.transition import Transition
from receiver.deploy.tree import refuse_unsafe, tree_notices
from receiver.model.app_json import AppJson
from receiver.model.build import BuildFacts, BuildPlan, Tree
from receiver.model.check import Check
from receiver.model.classic import Source, not_allowed, parse_source
from receiver.model.manifest import FILE_NAME, parse_manifest
from receiver.model.settings import Manifest


@dataclass(frozen=True, slots=True)
class Planned:
    """A buildpack of ship's own, and what it decided."""

    buildpack: buildpacks.Buildpack
    plan: BuildPlan


Step = Planned | Source


@dataclass(frozen=True, slots=True, kw_only=True)
class PushedTree:
    """A tree that can be built."""

    manifest: Manifest
    app_json: AppJson
    check: Check
    """How its code wants a release checked."""
    config: dict[str, str]
    """Config vars of the release to be."""
    pip: PipSettings
    steps: tuple[Step, ...]
    """What builds it, in order."""
    procfile: bytes | None
    gunicorn_file: bool
    notices: tuple[str, ...]
    """Sentences about what was most likely committed by mistake."""


def read(work: Transition, archive: Path, commit: str) -> PushedTree:
    """Look through a pushed tree, and decide its build.

    Raises:
        BuildError: it cannot be built as it is
    """
    with opened(archive, work.out) as tree:
        refuse_unsafe(tree)
        manifest = parse_manifest(tree.read(FILE_NAME) if tree.has(FILE_NAME) else b"")
        app_json, check = declared.read(tree, manifest.check, work.out)
        config = declared.settle_config(work, app_json)
        app = work.paths.name
        pip = facts.index_settings(work.server, config, app, tree)
        decide = facts.deciding(work.server, app, pip, config, tree)
        known = facts.build_facts(work.server, config, commit, work.old, decide)
        allowed = work.server.settings.buildpacks
        chosen = work.settings.buildpacks or declared.buildpacks(app_json, allowed, work.out)
        procfile = tree.read("Procfile") if tree.has("Procfile") else None
        steps = plan_steps(tree, known, chosen, allowed)
        return PushedTree(
            manifest=manifest,
            app_json=app_json,
            check=check,
            config=config,
            pip=pip,
            steps=steps,
            procfile=procfile,
            gunicorn_file=tree.has("gunicorn.conf.py"),
            notices=tree_notices(tree, work.settings.mounts),
        )


def plan_steps(
    tree: Tree, known: BuildFacts, chosen: Sequence[str], allowed: Mapping[str, str]
) -> tuple[Step, ...]:
    """What will be done, in order; nothing is run.

    Raises:
        ShipError: no buildpack fits, one of them cannot work with this tree, or is not
            allowed any more
    """
    if not chosen:
        buildpack = buildpacks.choose(tree)
        return (Planned(buildpack, buildpack.plan(tree, known)),)
    own = {buildpack.NAME: buildpack for buildpack in buildpacks.ALL}
    steps: list[Step] = []
    for name in chosen:
        if name in own:
            steps.append(Planned(own[name], own[name].plan(tree, known)))
        elif name in allowed:
            steps.append(parse_source(name, allowed[name]))
        else:
            raise not_allowed(name, allowed)
    return tuple(steps)

"""What a pushed tree says of itself, and what building it takes: read from the archive, before anything of it runs."""

from dataclasses import dataclass
from pathlib import Path

import buildpacks
from receiver import declared, facts
from receiver.model.app_json import AppJson
from receiver.model.build import BuildPlan, Tree
from receiver.model.check import Check
from receiver.model.manifest import FILE_NAME, parse_manifest
from receiver.model.settings import Manifest
from receiver.planner.tree import refuse_unsafe, tree_notices
from receiver.transition import Transition


@dataclass(frozen=True, slots=True, kw_only=True)
class PushedTree:
    """A tree that can be built."""

    manifest: Manifest
    app_json: AppJson
    check: Check
    """How its code wants a release checked."""
    config: dict[str, str]
    """Config vars of the release to be."""
    buildpack: buildpacks.Buildpack
    plan: BuildPlan
    gunicorn_file: bool
    notices: tuple[str, ...]
    """Sentences about what was most likely committed by mistake."""


def read(work: Transition, archive: Path, commit: str) -> PushedTree:
    """Look through a pushed tree, and decide its build.

    Raises:
        BuildError: it cannot be built as it is
    """
    with archive.open("rb") as handle:
        tree = Tree(handle)
        refuse_unsafe(tree)
        manifest = parse_manifest(tree.read(FILE_NAME) if tree.has(FILE_NAME) else b"")
        app_json, check = declared.read(tree, manifest.check, work.out)
        config = declared.settle_config(work, app_json)
        buildpack = buildpacks.choose(tree)
        plan = buildpack.plan(tree, facts.build_facts(work.server, config, commit, work.old))
        declared.settle_scale(work, app_json, plan.processes)
        return PushedTree(
            manifest=manifest,
            app_json=app_json,
            check=check,
            config=config,
            buildpack=buildpack,
            plan=plan,
            gunicorn_file=tree.has("gunicorn.conf.py"),
            notices=tree_notices(tree),
        )

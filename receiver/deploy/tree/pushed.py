"""What a pushed tree says of itself, and which steps build it: all from the archive."""

import posixpath
from collections.abc import Mapping, Sequence

import msgspec

import buildpacks
from receiver.deploy.app_json import reading
from receiver.deploy.tree.refusals import refuse_unsafe
from receiver.model.app_json import AppJson
from receiver.model.build import BuildFacts, BuildPlan, Tree
from receiver.model.check import Check
from receiver.model.classic import Source, not_allowed, parse_source
from receiver.model.manifest import FILE_NAME, parse_manifest
from receiver.model.output import Output
from receiver.model.settings import Manifest
from receiver.model.system_packages import FILE_NAME as APTFILE
from receiver.model.system_packages import parse_aptfile


class Planned(msgspec.Struct, frozen=True):
    """A buildpack of ship's own, and what it decided."""

    buildpack: buildpacks.Buildpack
    plan: BuildPlan


Step = Planned | Source


class PushedTree(msgspec.Struct, frozen=True, kw_only=True):
    """A tree that may be built, and what its own files ask for."""

    manifest: Manifest
    app_json: AppJson
    check: Check
    """How its code wants a release checked."""
    procfile: bytes | None
    gunicorn_file: bool
    system_packages: tuple[str, ...]
    """Packages of the server's distribution that it asks for."""


def read(tree: Tree, out: Output) -> PushedTree:
    """Look through a pushed tree.

    Raises:
        BuildError: it is unsafe, or one of its files cannot be read
    """
    refuse_unsafe(tree)
    manifest = parse_manifest(tree.read(FILE_NAME) if tree.has(FILE_NAME) else b"")
    app_json, check = reading.read(tree, manifest.check, out)
    return PushedTree(
        manifest=manifest,
        app_json=app_json,
        check=check,
        procfile=tree.read("Procfile") if tree.has("Procfile") else None,
        system_packages=_system_packages(tree, manifest),
        gunicorn_file=any(posixpath.basename(it) == "gunicorn.conf.py" for it in tree.files()),
    )


def _system_packages(tree: Tree, manifest: Manifest) -> tuple[str, ...]:
    own = parse_aptfile(tree.read(APTFILE)) if tree.has(APTFILE) else ()
    return tuple(dict.fromkeys((*own, *manifest.build.apt)))


def plan_steps(
    tree: Tree, known: BuildFacts, chosen: Sequence[str], allowed: Mapping[str, str]
) -> tuple[Step, ...]:
    """What will be done, in order; nothing is run.

    Raises:
        ShipError: no buildpack fits, one of them cannot work with this tree, or is not allowed any
            more
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

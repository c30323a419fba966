"""The second stage: the code, packages and config vars of a release, in its own folder.

Nothing of the app runs yet but what its build runs.
"""

from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace

from receiver.building import facts, marks, system_packages
from receiver.building.builder import Builder
from receiver.building.pip_settings import PipSettings
from receiver.changes.app_state import AppState
from receiver.changes.change import AppChange
from receiver.changes.points import reached
from receiver.deploy.stages import carried, phases
from receiver.deploy.stages.compiling import compile_steps, completed
from receiver.deploy.stages.config import change_config
from receiver.deploy.stages.decision import Decision, ToBuild
from receiver.deploy.stages.transition import turn
from receiver.hosts.accounts import ids
from receiver.machine import files
from receiver.model.config_vars import kept_from_builds
from receiver.model.layout import ReleasePaths
from receiver.model.mounts import in_tree
from receiver.model.plan import RemoveTree
from receiver.model.release import Release
from receiver.planner.web_part import WebPart, refuse_lost
from receiver.state import records


class Built(NamedTuple):
    """A release that is built, or unpacked once more."""

    decision: Decision
    release: Release
    remarks: tuple[str, ...] = ()
    """What is worth a look once it is live."""


def build(work: AppChange, decision: Decision) -> Built:
    """Make the folder of a release, and what it runs of.

    Raises:
        BuildError: it could not be built
        ReleaseError: a predeploy script of its app.json failed
    """
    if decision.stored is not None:
        change_config(work, decision.stored)
    home = _claim(work, decision)
    builder = _builder(work, decision, home)
    if isinstance(decision.code, ToBuild):
        return _from_tree(work, builder, decision, decision.code)
    files.link_file(decision.code.slug, home.slug)
    if decision.code.phase is not None:
        files.link_file(decision.code.phase, home.phase)
    builder.unpack(home.slug, over=carried.archive(home))
    if decision.draft.venv:
        marks.link_list(Path(decision.draft.venv), home.packages)
    return Built(decision, decision.draft)


def _claim(work: AppChange, decision: Decision) -> ReleasePaths:
    """Make the folder of the release, with its config vars."""
    paths, version = work.paths, decision.draft.version
    work.out.belongs_to(version=version)
    home = paths.release(version)
    work.register((RemoveTree(str(home.home)),))
    files.remove_tree(home.home)
    files.make_folder(home.home, mode=0o711)
    _, gid = ids(work.server.host.accounts.owner(paths.name))
    records.write_config(home.env, decision.config, mode=0o640, gid=gid)
    reached("claimed")
    return home


def _builder(work: AppChange, decision: Decision, home: ReleasePaths) -> Builder:
    app, out = work.state, work.out
    pip = _pip_settings(app, decision)
    for notice in pip.notices:
        out.say(notice)
    return Builder(
        server=app.server,
        paths=app.paths,
        release=home,
        out=out,
        pip=pip,
        last_venv=Path(app.release.venv) if app.release and app.release.venv else None,
        kept_back=kept_from_builds(decision.config),
        turn=lambda: turn(work),
        mounts=in_tree(app.settings.mounts),
    )


def _pip_settings(app: AppState, decision: Decision) -> PipSettings:
    if isinstance(decision.code, ToBuild):
        return decision.code.pip
    return facts.index_settings(app.server, decision.config, app.name)


def _from_tree(work: AppChange, builder: Builder, decision: Decision, code: ToBuild) -> Built:
    """Do what the buildpacks planned, and what the app asks for besides."""
    if code.system_packages:
        system_packages.install(work.server, code.system_packages, work.out)
        reached("packages")
    builder.unpack(code.archive)
    reached("unpacked")
    compiled = compile_steps(builder, code.tree, code.steps, code.notices)
    commands = code.tree.app_json.predeploy
    scripts = phases.predeploy(work, decision.draft, compiled.venv, commands)
    builder.pack(code.archive, changed=compiled.changed or scripts)
    draft = replace(decision.draft, created_at=work.server.clock.stamp())
    release = completed(draft, compiled, decision.config, work.out)
    refuse_lost(WebPart.of(release), work.state.release, stopped=work.state.settings.stopped)
    return Built(decision, release, tuple(compiled.remarks))

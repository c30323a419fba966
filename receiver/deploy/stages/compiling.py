"""From an unpacked tree to what a release is made of: does the steps of its build, in order."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
from msgspec.structs import replace

from receiver.building.builder import Builder
from receiver.changes.points import reached
from receiver.deploy.tree.pushed import Planned, PushedTree, Step
from receiver.machine import files
from receiver.model.build import BuildPlan, Learnt, Virtualenv
from receiver.model.classic import Source
from receiver.model.errors import BuildError
from receiver.model.formation import WEB
from receiver.model.output import Output
from receiver.model.procfile import parse_procfile
from receiver.model.release import Release
from receiver.model.webserver import parse_processes


class Compiled(msgspec.Struct):
    """What came of the steps."""

    names: list[str] = msgspec.field(default_factory=list)
    virtualenv: Virtualenv | None = None
    venv: Path | None = None
    processes: dict[str, str] = msgspec.field(default_factory=dict)
    static: dict[str, str] = msgspec.field(default_factory=dict)
    remarks: list[str] = msgspec.field(default_factory=list)
    """What is worth a look once it is live."""
    fixed_port: bool = False
    """Whether neither the web line nor the code asks for the port that web is given."""
    classic: bool = False
    """Whether a buildpack of somebody else's had a part in it: then the processes run as they
    stand.
    """
    changed: bool = False
    """Whether the tree may be another one than the one that was pushed."""

    def take(self, plan: BuildPlan) -> None:
        """Add what a buildpack's plan says of the release."""
        self.names.append(plan.buildpack)
        self.processes |= plan.processes
        self.static |= plan.static
        self.fixed_port |= plan.fixed_port
        self.changed |= plan.changes_tree

    def learn(self, learnt: Learnt) -> None:
        """Add what its build has shown."""
        self.static |= learnt.static
        self.remarks += learnt.remarks


def compile_steps(
    builder: Builder, tree: PushedTree, steps: Sequence[Step], notices: Sequence[str] = ()
) -> Compiled:
    """Do what was decided, in the unpacked tree; `notices` on the tree are shown with the first
    step.
    """
    compiled = Compiled()
    exports: list[Path] = []
    place = builder.release.home / "buildpacks"
    for number, step in enumerate(steps, 1):
        if isinstance(step, Planned):
            _say_what_was_decided(builder, step.plan, notices if number == 1 else ())
            _build(builder, step, compiled)
        else:
            exports.append(_compile(builder, step, compiled, place / str(number), exports))
    if compiled.classic:
        compiled.processes |= parse_procfile(tree.procfile) if tree.procfile else {}
        files.remove_tree(place)
    return compiled


def completed(
    draft: Release, compiled: Compiled, config: Mapping[str, str], out: Output
) -> Release:
    """The release as it was built; shows its process types, and what of the web line is left out,
    and why.
    """
    lines = compiled.processes
    if not draft.web and WEB in lines:
        lines = {name: line for name, line in lines.items() if name != WEB}
        out.say("ship.toml says `web = false`: no web process runs.")
    release = replace(
        draft,
        buildpack=" ".join(compiled.names),
        python=compiled.virtualenv.interpreter.version if compiled.virtualenv else None,
        venv=str(compiled.venv) if compiled.venv else None,
        opened=compiled.virtualenv is not None and compiled.virtualenv.opened,
        lines=lines,
        processes=parse_processes(lines, config, classic=compiled.classic),
        classic=compiled.classic,
        fixed_port=compiled.fixed_port and not compiled.classic,
        static={**compiled.static, **draft.static},
    )
    _say_processes(release, out)
    return release


def _say_processes(release: Release, out: Output) -> None:
    if release.processes:
        out.step("Discovering process types")
        for name, line in release.lines.items():
            out.say(f"{name}: {line}")
    for notice in release.gunicorn.notices if release.gunicorn else ():
        out.warn(notice)


def _say_what_was_decided(builder: Builder, plan: BuildPlan, noticed: Sequence[str]) -> None:
    builder.out.step(plan.title)
    for warning in plan.warnings:
        builder.out.warn(warning)
    for notice in (*plan.notices, *noticed):
        builder.out.say(notice)
    if builder.kept_back:
        builder.out.say(f"Config vars that the build does without: {', '.join(builder.kept_back)}.")


def _build(builder: Builder, step: Planned, compiled: Compiled) -> None:
    plan, explain = _with_python(builder, step.plan), step.buildpack.explain
    builder.run(plan.before, compiled.venv, explain)
    if plan.virtualenv is not None:
        compiled.virtualenv = plan.virtualenv
        compiled.venv = builder.virtualenv(plan.virtualenv, explain)
    reached("installed")
    said = builder.run(plan.commands, compiled.venv, explain, plan.virtualenv)
    learnt = step.buildpack.learn(said)
    for notice in learnt.notices:
        builder.out.say(notice)
    compiled.take(plan)
    compiled.learn(learnt)


def _with_python(builder: Builder, plan: BuildPlan) -> BuildPlan:
    """The plan, with its interpreter on this machine; else the one that needs none fetched."""
    if plan.virtualenv is None:
        return plan
    try:
        builder.fetch_python(plan.virtualenv.interpreter)
    except BuildError as error:
        if plan.unfetched is None:
            raise
        builder.out.warn(error.title)
        builder.out.say(plan.unfetched.notices[0])
        return plan.unfetched
    return plan


def _compile(
    builder: Builder, source: Source, compiled: Compiled, work: Path, exports: Sequence[Path]
) -> Path:
    """Have a classic buildpack detect, compile and release; returns the file that it may export
    variables by.
    """
    from receiver.deploy.stages.classic import ClassicBuild  # noqa: PLC0415 - few apps have one

    run = ClassicBuild(builder, source, work, exports)
    run.fetch()
    builder.out.step(f"{run.detect()} app detected, by the buildpack {source.name}")
    run.compile()
    released = run.release()
    if released.config:
        wanted = " ".join(f"{name}={value}" for name, value in released.config.items())
        builder.out.say(f"The buildpack asks for config vars: `ship config:set {wanted}`.")
    compiled.names.append(source.name)
    compiled.processes = {**released.processes, **compiled.processes}
    compiled.classic = compiled.changed = True
    return run.pack / "export"

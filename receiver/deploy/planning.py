"""The story of a plan: what a push, a change of config vars or a rollback would do.

It takes the first stage of the real thing, and tells the rest from the planners' own values.
Nothing is written, and nobody is waited for.
"""

from collections.abc import Sequence
from pathlib import Path

from receiver.changes.app_state import AppState, state_of
from receiver.deploy import telling
from receiver.deploy.stages import canary, carried
from receiver.deploy.stages.again import Pending, decide_config, decide_rollback
from receiver.deploy.stages.compiling import Compiled, completed
from receiver.deploy.stages.decision import Decision, Kept, ToBuild, decide
from receiver.deploy.stages.requests import ConfigChange, Push, Rollback
from receiver.deploy.stages.takeover import live_step, planned_swap, way_for
from receiver.deploy.tree.pushed import Planned
from receiver.machine import files
from receiver.model.build import BuildPlan, Command, Virtualenv
from receiver.model.layout import ReleasePaths
from receiver.model.output import Output
from receiver.model.plan import Plan
from receiver.model.procfile import parse_procfile
from receiver.model.release import Live, Release
from receiver.planner.formation import plan_formation, tell_formation
from receiver.server import Server


def of_push(server: Server, push: Push, out: Output) -> None:
    """Tell what a push would do.

    Raises:
        ShipError: it would be refused before anything is built
    """
    out.step(f"Receiving {push.commit[:7]} for {push.app}")
    app = state_of(server, push.app)
    _tell(app, decide(app, push, out), out)
    _conclude(out)


def of_config(server: Server, change: ConfigChange, out: Output) -> None:
    """Tell what a change of config vars would do."""
    app = state_of(server, change.app)
    if app.release is None:
        out.step(change.description)
        out.say("There is no code yet; the first push would use them.")
    else:
        decision = decide_config(app, change, out)
        if isinstance(decision, Pending):
            out.say(decision.why)
        else:
            _tell(app, decision, out)
    _conclude(out)


def of_rollback(server: Server, request: Rollback, out: Output) -> None:
    """Tell what a rollback would do.

    Raises:
        NotFoundError: there is no such release, or none before the live one
    """
    app = state_of(server, request.app)
    _tell(app, decide_rollback(app, request, out), out)
    _conclude(out)


def of_steps(title: str, plan: Plan, out: Output) -> None:
    """Tell what a change of processes would do."""
    out.step(title)
    _tell_steps(plan, out)
    _conclude(out)


def _conclude(out: Output) -> None:
    out.step("That was the plan")
    out.say("Nothing was built, run or changed.")


def _tell(app: AppState, decision: Decision, out: Output) -> None:
    """Tell the other three stages."""
    release = decision.draft
    if isinstance(decision.code, ToBuild):
        compiled = _tell_build(app, decision.code, out)
        release = completed(release, compiled, decision.config, out)
    if way := way_for(app, release):
        out.step(f"Stop what runs, before anything of {release.label} starts")
        _tell_steps(way, out)
    _tell_checks(release, decision, out)
    _tell_takeover(app, release, decision, out)


def _tell_build(app: AppState, code: ToBuild, out: Output) -> Compiled:
    """Tell what would build it; returns what would come of it, as far as that is known before."""
    compiled = Compiled()
    if code.system_packages:
        out.step(f"Install system packages: {', '.join(code.system_packages)}")
    for step in code.steps:
        if isinstance(step, Planned):
            _tell_planned(app, step.plan, compiled, out)
        else:
            out.step(f"The buildpack {step.name}")
            out.say("What it does shows when it is run, and so do processes that it brings.")
            compiled.classic = True
            procfile = code.tree.procfile
            compiled.processes |= parse_procfile(procfile) if procfile else {}
    for notice in code.notices:
        out.say(notice)
    return compiled


def _tell_planned(app: AppState, plan: BuildPlan, compiled: Compiled, out: Output) -> None:
    out.step(plan.title)
    for notice in (*plan.warnings, *plan.notices):
        out.say(notice)
    if plan.virtualenv is not None:
        compiled.virtualenv = plan.virtualenv
        compiled.venv = _tell_virtualenv(app, plan.virtualenv, out)
    commands = [each for each in (*plan.before, *plan.commands) if not each.only_looks]
    if commands:
        out.step("Commands of the build")
        _tell_commands(commands, out)
    compiled.take(plan)


def _tell_virtualenv(app: AppState, wanted: Virtualenv, out: Output) -> Path:
    venv = app.paths.venvs / wanted.digest
    out.step(f"Virtualenv {wanted.digest[:12]}, Python {wanted.interpreter.version}")
    if files.read_text(venv.with_suffix(".ready")) is not None:
        out.say("It is there, and would be reused.")
    else:
        out.say("It would be made:")
        _tell_commands(wanted.install, out)
    return venv


def _tell_commands(commands: Sequence[Command], out: Output) -> None:
    for command in commands:
        if command.title.startswith("$ "):
            out.say(command.title)
            continue
        words = command.filled(venv="VIRTUALENV", uv="uv").argv
        out.say("$ " + " ".join((Path(words[0]).name, *words[1:])))


def _tell_checks(release: Release, decision: Decision, out: Output) -> None:
    wanted = decision.release_phase
    due = decision.occasion in release.phase.on if wanted is None else wanted
    if "release" in release.lines and due:
        out.step("Release phase")
        out.say(f"$ {release.lines['release']}")
    elif isinstance(decision.code, Kept) and decision.code.phase is not None:
        out.step("Release phase")
        out.say("It would not run.")
        carried.tell(ReleasePaths(decision.code.phase.parent), out)
    if release.served == "process":
        out.step("Check")
        out.say(f"{_who_is_asked(release)} for {release.check.path}, before anybody else asks it.")


def _tell_takeover(app: AppState, release: Release, decision: Decision, out: Output) -> None:
    swap = planned_swap(app, release, decision.config)
    out.step(f"Swap to {release.label}")
    out.say(swap.how)
    _tell_steps(swap.plan, out)
    _tell_background(app, release, out)
    _tell_steps((live_step(app, Live(release=release.version, slot=swap.slot)),), out)


def _tell_steps(plan: Plan, out: Output) -> None:
    for step in plan:
        first, *details = telling.tell(step, lambda path: files.read_text(Path(path)))
        out.say(f"- {first}")
        for line in details:
            out.say(f"  {line}")


def _tell_background(app: AppState, release: Release, out: Output) -> None:
    """Background processes: nothing for an app that has none."""
    wanted = plan_formation(release, app.scale, app.settings)
    for line in tell_formation(release, wanted, app.formation, app.scale):
        out.say(f"- {line}")


def _who_is_asked(release: Release) -> str:
    if canary.has_canary(release):
        return "A canary on a socket of its own is asked"
    if release.checks_itself:
        return "Each new worker asks itself"
    return "The free slot is asked"

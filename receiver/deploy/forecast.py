"""The story of a plan: what a push, a change of config vars or a rollback would do, told from
the planners' own values.

It goes the way of the real thing up to the first deed, inside a transition that is then left as by
a failure.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

from receiver.deploy import canary as checking
from receiver.deploy import releasing as deploy
from receiver.deploy import telling
from receiver.deploy.compiling import Built
from receiver.deploy.config_change import ConfigChange, ToldError
from receiver.deploy.pushed_tree import Planned, PushedTree
from receiver.deploy.transition import Transition
from receiver.machine import files
from receiver.model.build import BuildPlan, Command
from receiver.model.output import Output
from receiver.model.plan import Plan, WriteFile
from receiver.model.procfile import parse_procfile
from receiver.model.release import Live, Release
from receiver.model.settings import Occasion
from receiver.planner.formation import plan_formation, tell_formation
from receiver.server import Server
from receiver.state import records


def of_push(server: Server, push: deploy.Push, out: Output) -> None:
    """Tell what a push would do.

    Raises:
        ShipError: it would be refused before anything is built
    """

    def tell(work: Transition, tree: PushedTree, release: Callable[[Built], Release]) -> NoReturn:
        built = _tell_build(work, tree)
        _tell_going_live(work, release(built), "deploy")
        raise ToldError

    try:
        deploy.deploy(server, replace(push, forecast=tell), out)
    except ToldError:
        _conclude(out)


def of_config(server: Server, change: ConfigChange, out: Output) -> None:
    """Tell what a change of config vars would do."""

    def tell(work: Transition, release: Release) -> NoReturn:
        _tell_going_live(work, release, "config", wanted=change.release_phase)
        raise ToldError

    if records.read_live(server.app(change.app)) is None:
        out.step(change.description)
        out.say("There is no code yet; the first push would use them.")
        _conclude(out)
        return
    try:
        deploy.reconfigure(server, replace(change, forecast=tell), out)
    except ToldError:
        _conclude(out)


def of_rollback(server: Server, wish: deploy.Rollback, out: Output) -> None:
    """Tell what a rollback would do.

    Raises:
        NotFoundError: there is no such release, or none before the live one
    """

    def tell(work: Transition, release: Release) -> NoReturn:
        _tell_going_live(work, release, "rollback", wanted=wish.release_phase)
        raise ToldError

    try:
        deploy.rollback(server, replace(wish, forecast=tell), out)
    except ToldError:
        _conclude(out)


def of_steps(title: str, plan: Plan, out: Output) -> None:
    """Tell what a change of processes would do."""
    out.step(title)
    _tell_steps(plan, out)
    _conclude(out)


def _conclude(out: Output) -> None:
    out.step("That was the plan")
    out.say("Nothing was built, run or changed.")


def _tell_build(work: Transition, tree: PushedTree) -> Built:
    """Tell what would build it; returns what would come out, as far as that is known before."""
    built = Built()
    for step in tree.steps:
        if isinstance(step, Planned):
            _tell_planned(work, step.plan, built)
        else:
            work.out.step(f"The buildpack {step.name}")
            work.out.say("What it does shows when it is run, and so do processes that it brings.")
            built.classic = True
            built.processes |= parse_procfile(tree.procfile) if tree.procfile else {}
    for notice in tree.notices:
        work.out.say(notice)
    return built


def _tell_planned(work: Transition, plan: BuildPlan, built: Built) -> None:
    out, wanted = work.out, plan.virtualenv
    out.step(plan.title)
    for notice in plan.notices:
        out.say(notice)
    if wanted is not None:
        built.virtualenv, built.venv = wanted, work.paths.venvs / wanted.digest
        out.step(f"Virtualenv {wanted.digest[:12]}, Python {wanted.interpreter.version}")
        if files.read_text(built.venv.with_suffix(".ready")) is not None:
            out.say("It is there, and would be reused.")
        else:
            out.say("It would be made:")
            _tell_commands(wanted.install, out)
    commands = (*plan.before, *plan.commands)
    if commands:
        out.step("Commands of the build")
        _tell_commands(commands, out)
    built.names.append(plan.buildpack)
    built.processes |= plan.processes
    built.static |= plan.static


def _tell_commands(commands: Sequence[Command], out: Output) -> None:
    for command in commands:
        words = command.filled(venv="VIRTUALENV", uv="uv").argv
        out.say("$ " + " ".join((Path(words[0]).name, *words[1:])))


def _tell_going_live(
    work: Transition, release: Release, occasion: Occasion, *, wanted: bool | None = None
) -> None:
    out = work.out
    due = occasion in release.phase.on if wanted is None else wanted
    if "release" in release.lines and due:
        out.step("Release phase")
        out.say(f"$ {release.lines['release']}")
    if release.served == "process":
        out.step("Check")
        out.say(f"{_who_is_asked(release)} for {release.check.path}, before anybody else asks it.")
    swap = work.planned_swap(release)
    out.step(f"Swap to {release.label}")
    out.say(swap.how)
    _tell_steps(swap.plan, out)
    _tell_background(work, release)
    live = records.json_text(Live(release=release.version, slot=swap.slot))
    _tell_steps((WriteFile(str(work.paths.live), live),), out)


def _tell_steps(plan: Plan, out: Output) -> None:
    for step in plan:
        first, *details = telling.tell(step, lambda path: files.read_text(Path(path)))
        out.say(f"- {first}")
        for line in details:
            out.say(f"  {line}")


def _tell_background(work: Transition, release: Release) -> None:
    """Processes besides web: nothing for an app that has none."""
    before, scale = records.read_formation(work.paths), records.read_scale(work.paths)
    wanted = plan_formation(release, scale, work.settings)
    for line in tell_formation(release, wanted, before, scale):
        work.out.say(f"- {line}")


def _who_is_asked(release: Release) -> str:
    if checking.has_canary(release):
        return "A canary on a socket of its own is asked"
    if release.checks_itself:
        return "Each new worker asks itself"
    return "The free slot is asked"

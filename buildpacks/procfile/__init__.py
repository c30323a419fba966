"""The buildpack of apps that need no build: the Procfile's commands run as they stand."""

from buildpacks.bare import bare_virtualenv
from buildpacks.scripts import runnable
from receiver.model.build import BuildFacts, BuildPlan, Command, Learnt, Tree
from receiver.model.errors import BuildError, ShipError
from receiver.model.procfile import goes_on, parse_procfile

NAME = "procfile"
LOOKS_FOR = "a Procfile, when nothing above is there"


def detect(tree: Tree) -> bool:
    """Whether there is a Procfile."""
    return tree.has("Procfile")


def plan(tree: Tree, facts: BuildFacts) -> BuildPlan:
    """The Procfile's process types, and a `python` without any package."""
    processes, told = procfile_lines(tree)
    nothing = () if "web" in processes else ("No web process: nothing will be served.",)
    return BuildPlan(
        buildpack=NAME,
        title="Procfile app detected",
        notices=(*told, *nothing),
        virtualenv=bare_virtualenv(facts),
        commands=(),
        processes=processes,
    )


def procfile_lines(tree: Tree) -> tuple[dict[str, str], tuple[str, ...]]:
    """The lines of the Procfile as they can be run, and what is told of them.

    Raises:
        BuildError: it cannot be read, or a script of it cannot be run
    """
    data = tree.read("Procfile")
    lines, notices = runnable(tree, parse_procfile(data))
    joined = ("Lines of the Procfile that end with a backslash continue on the next line.",)
    return lines, (*(joined if goes_on(data) else ()), *notices)


def explain(command: Command, output: str) -> ShipError:
    """A plan of this kind runs no command, so there is nothing to tell apart."""
    return BuildError(f"The command `{' '.join(command.argv)}` failed.", detail=output)


def learn(output: str) -> Learnt:
    """Nothing: no command is run."""
    del output
    return Learnt()

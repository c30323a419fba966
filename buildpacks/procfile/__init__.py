"""The buildpack of apps that need no build: the Procfile's commands run as they stand."""

from receiver.model.build import BuildFacts, BuildPlan, Command, Learnt, Tree
from receiver.model.errors import BuildError, ShipError
from receiver.model.procfile import parse_procfile

NAME = "procfile"
LOOKS_FOR = "a Procfile, when nothing above is there"


def detect(tree: Tree) -> bool:
    """Whether there is a Procfile."""
    return tree.has("Procfile")


def plan(tree: Tree, facts: BuildFacts) -> BuildPlan:
    """The Procfile's process types, without a virtualenv."""
    del facts  # a tree of this kind has nothing to choose
    processes = parse_procfile(tree.read("Procfile"))
    notices = () if "web" in processes else ("No web process: nothing will be served.",)
    return BuildPlan(
        buildpack=NAME,
        title="Procfile app detected",
        notices=notices,
        virtualenv=None,
        commands=(),
        processes=processes,
    )


def explain(command: Command, output: str) -> ShipError:
    """A plan of this kind runs no command, so there is nothing to tell apart."""
    return BuildError(f"The command `{' '.join(command.argv)}` failed.", detail=output)


def learn(output: str) -> Learnt:
    """Nothing: no command is run."""
    del output
    return Learnt()

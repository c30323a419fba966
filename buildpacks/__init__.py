"""Buildpacks: what a pushed tree is, and what has to be run for it.

A kind of app is a package here, and the one that fits is chosen in this module; all of it is
pure, and reads the code of an app without running it. It imports `receiver.model` alone.
"""

from collections.abc import Sequence
from typing import Protocol

from buildpacks import procfile, python, static
from receiver.model.build import BuildFacts, BuildPlan, Command, Learnt, Tree
from receiver.model.errors import BuildError, ShipError


class Buildpack(Protocol):
    """A module that knows one kind of app. It reads the tree, never the disk, and runs nothing."""

    NAME: str
    LOOKS_FOR: str
    """What makes it fit, as the end of a sentence."""

    def detect(self, tree: Tree) -> bool:
        """Whether the tree is of this kind."""

    def plan(self, tree: Tree, facts: BuildFacts) -> BuildPlan:
        """Everything that has to be run and known; BuildError when the tree cannot work as it
        is.
        """

    def explain(self, command: Command, output: str) -> ShipError:
        """What the failure of one of the plan's commands means, from what it said."""

    def learn(self, output: str) -> Learnt:
        """What the last commands of the plan have shown, from all that they said."""


ALL: Sequence[Buildpack] = (python, static, procfile)
"""In the order in which they are asked."""

_LIKELY_MEANT = ("requirements.txt", "pyproject.toml", "uv.lock", "index.html", "Procfile")
_SPELLING_CUTOFF = 0.8
_SHOWN_NAMES = 30


def choose(tree: Tree) -> Buildpack:
    """The first buildpack that fits.

    Raises:
        BuildError: none does.
    """
    for buildpack in ALL:
        if buildpack.detect(tree):
            return buildpack
    raise _none_fits(tree)


def _none_fits(tree: Tree) -> BuildError:
    names = tree.names()
    looked_for = "\n".join(f"  {buildpack.NAME}: {buildpack.LOOKS_FOR}" for buildpack in ALL)
    more = f" and {len(names) - _SHOWN_NAMES} more" if len(names) > _SHOWN_NAMES else ""
    listing = ", ".join(names[:_SHOWN_NAMES]) + more if names else "nothing at all"
    return BuildError(
        "No buildpack fits this push.",
        detail=f"The top folder holds: {listing}.\nWhat was looked for there:\n{looked_for}",
        advice=f"{_spelling(names)}Check that one of these files stands in the top folder of the "
        "repository,"
        " is committed, and is not named in .gitignore.",
        reason="build/no-buildpack",
    )


def _spelling(names: Sequence[str]) -> str:
    import difflib  # noqa: PLC0415 - only this error needs it

    for name in names:
        close = difflib.get_close_matches(name, _LIKELY_MEANT, n=1, cutoff=_SPELLING_CUTOFF)
        if close and close[0] != name:
            return f"Did you mean {close[0]}, where {name} is written? "
    return ""

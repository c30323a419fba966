"""Chooses, of several refs that one push names, the one that is deployed; the others are left.

Pure. A push of a single ref is hooks/pre-receive's to judge.
"""

import shlex
from collections.abc import Sequence

from receiver.machine.git import BRANCHES
from receiver.model.errors import GitError
from receiver.push.wire import Update

_TAGS = "refs/tags/"
_NAMED = 5


def choose(updates: Sequence[Update], branches: Sequence[str]) -> Update:
    """Return the update of the branch that is deployed.

    Args:
        updates: all refs of one push
        branches: the deploy branch; before it is there, each that may become it, best first

    Raises:
        GitError: none of them is a branch that is deployed
    """
    by_ref = {update.ref: update for update in updates}
    for branch in branches:
        if (found := by_ref.get(BRANCHES + branch)) is not None:
            return found
    raise _none_is_deployed(updates, branches[0])


def ignored(left: Sequence[Update], branch: str) -> str:
    """Name what a push brought besides the deploy branch."""
    return f"Ignoring {_named(left)} (only the branch {branch} is deployed)"


def _none_is_deployed(updates: Sequence[Update], branch: str) -> GitError:
    only_tags = all(update.ref.startswith(_TAGS) for update in updates)
    title = "Only tags were pushed" if only_tags else f"The branch {branch} is not in this push"
    return GitError(
        f"{title}, so nothing is deployed.",
        detail=f"This push has {_named(updates)}. Only the branch {branch} is deployed.",
        advice=f"To deploy {branch}, type this line, with the name of your remote if that is not "
        f"prod:\n    git push prod {branch}\n"
        f"To deploy another branch or a tag, push its commit to {branch}:\n"
        f"    git push prod {shlex.quote(f'{_commit(updates[0])}:{branch}')}",
        reason="git/several-refs",
    )


def _commit(update: Update) -> str:
    """The commit that a pushed ref names, as git on the laptop knows it."""
    if update.ref.startswith(_TAGS):
        return update.ref.removeprefix(_TAGS) + "^{}"
    return update.ref.removeprefix(BRANCHES)


def _named(updates: Sequence[Update]) -> str:
    """The tag v1; the tags v1 and v2; the branch topic, the tags v1, v2 and 7 more."""
    kinds = (("tag", "tags", _TAGS), ("branch", "branches", BRANCHES), ("ref", "refs", ""))
    names: dict[str, list[str]] = {prefix: [] for _, _, prefix in kinds}
    for update in updates:
        prefix = next(prefix for _, _, prefix in kinds if update.ref.startswith(prefix))
        names[prefix].append(update.ref.removeprefix(prefix))
    return " and ".join(
        f"{one if len(names[prefix]) == 1 else many} {_listed(names[prefix])}"
        for one, many, prefix in kinds
        if names[prefix]
    )


def _listed(names: Sequence[str]) -> str:
    if len(names) > _NAMED:
        names = [*names[: _NAMED - 1], f"{len(names) - _NAMED + 1} more"]
    *before, last = names
    return f"{', '.join(before)} and {last}" if before else last

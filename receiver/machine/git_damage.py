"""A damaged repository is repaired where a push meets it: put right if its objects are there, else
put aside for an empty one, since whoever pushes has all commits.

It is only looked for when something failed.
"""

from contextlib import suppress
from pathlib import Path

from receiver.machine import files, git
from receiver.machine.interpreter import lasting
from receiver.model.errors import GitError

_HEAD = "ref: refs/heads/"


def repaired(repo: Path, hooks: Path) -> GitError | None:
    """What to say of a repository that was damaged, and is no longer; None for one that is whole.

    Raises:
        GitError: it cannot be repaired
    """
    if git.is_whole(repo):
        return None
    branch = _deploy_branch(repo)
    with suppress(GitError):  # its settings may be what is damaged
        _set_up(repo, hooks, branch)
        if git.is_whole(repo):
            return _told(repo, "Its settings were written anew.")
    aside = git.put_aside(repo)
    files.remove_tree(aside)
    repo.rename(aside)
    _set_up(repo, hooks, branch)
    return _told(repo, f"An empty one is in its place; it is kept as {aside}.")


def _set_up(repo: Path, hooks: Path, branch: str) -> None:
    git.create_repo(repo, hooks=lasting(hooks))
    git.set_head_branch(repo, branch)


def _deploy_branch(repo: Path) -> str:
    """The one that HEAD names; where that is lost, or cut short, the only one there is."""
    head = files.text_at(repo / "HEAD") or ""
    named = head.removeprefix(_HEAD).strip() if head.startswith(_HEAD) else ""
    found = _branches(repo)
    if named and (named in found or len(found) != 1):
        return named
    return found.pop() if len(found) == 1 else git.FIRST_BRANCH


def _branches(repo: Path) -> set[str]:
    """The branches that are left, by their files: git reads none of a damaged repository."""
    heads, packed = repo / "refs" / "heads", files.text_at(repo / "packed-refs") or ""
    loose = {str(path.relative_to(heads)) for path in heads.rglob("*") if path.is_file()}
    names = {line.partition(" ")[2] for line in packed.splitlines()}
    return loose | {
        name.removeprefix(git.BRANCHES) for name in names if name.startswith(git.BRANCHES)
    }


def _told(repo: Path, what: str) -> GitError:
    return GitError(
        f"The repository of {repo.stem} on the server was damaged.",
        detail=what,
        advice="Push once more: it brings all commits. What serves was not touched.",
        reason="git/repository-damaged",
    )

"""The branch of a push that gets its turn: it may have waited while others were deployed."""

from receiver.changes.change import AppChange
from receiver.deploy.stages.requests import Push
from receiver.machine import files, git
from receiver.model.errors import GitError


def hold_to(work: AppChange, push: Push) -> None:
    """Have the branch be at the pushed commit, as it is unless something happened meanwhile.

    Raises:
        GitError: a newer push is live already, and this one would replace it by older code
    """
    repo = work.server.layout.repo(work.paths.name)
    if push.ref is None or _told_by_its_file(work, push):
        return
    tip = git.resolve_commit(repo, push.ref)
    if tip == push.commit:
        return
    if tip == push.before:  # whoever took the push was killed, and it was put back
        if why_not := git.move_refs(repo, [(push.ref, tip or git.ABSENT, push.commit)]):
            raise _superseded(push, why_not)
        return
    if work.state.release is not None and tip == work.state.release.commit:
        raise _superseded(push, f"It is at {tip[:7]}, which is live.")
    # a newer push waits for its turn; if it fails, the branch goes back to this one


def _told_by_its_file(work: AppChange, push: Push) -> bool:
    """Whether the file of the branch says so, which spares git's start; it may be in another."""
    repo = work.server.layout.repo(work.paths.name)
    try:
        return (files.read_text(repo / str(push.ref)) or "").strip() == push.commit
    except (OSError, ValueError):
        return False


def _superseded(push: Push, seen: str) -> GitError:
    branch = str(push.ref).removeprefix(git.BRANCHES)
    return GitError(
        f"A newer push to {branch} was deployed while this one waited.",
        detail=seen,
        advice="Type git fetch, look at what came, and push again.",
        reason="git/superseded",
    )

"""Puts right what a push that was killed left in its app's repository: a branch at a commit that is
not live and that no build knows of, and lock files of git's.
"""

from contextlib import suppress
from pathlib import Path

from receiver.machine import files, git, git_leftovers
from receiver.machine.git_leftovers import Move, Note
from receiver.model.errors import ShipError
from receiver.model.layout import AppPaths
from receiver.model.names import AppName
from receiver.server import Server
from receiver.state import builds, records


def clear_up(server: Server, app: AppName, *, wait: bool = False) -> None:
    """Put a repository right, unless somebody else is at that. No living push is touched.

    `wait` waits for a lock file that is too young to be sure of.
    """
    repo = server.layout.repo(app)
    if not git_leftovers.any_left(repo):
        return
    with git_leftovers.alone(repo) as alone:
        if not alone:
            return
        git_leftovers.remove_stale_locks(repo, wait=wait)
        for note in git_leftovers.abandoned_notes(repo):
            if _settled(server.layout.app(app), repo, note):
                files.remove(repo / note.move.file)


def arrives(archive: Path) -> bool:
    """Whether the process that receives or builds this archive still lives."""
    return files.is_held(archive) or files.process_exists(archive.name.partition(".")[0])


def half_pushed(paths: AppPaths, repo: Path) -> list[Move]:
    """Pushes that were killed when their branch had moved, and whose commit came no further."""
    found = [note.move for note in git_leftovers.abandoned_notes(repo)]
    with suppress(ShipError):  # what is damaged besides is told by others
        return [move for move in found if _is_astray(paths, repo, move)]
    return []


def _is_astray(paths: AppPaths, repo: Path, move: Move) -> bool:
    if _stands(paths, move) or _goes_on(paths, repo, move):
        return False
    return _deploy_branch(repo, move.new) is not None


def _settled(paths: AppPaths, repo: Path, note: Note) -> bool:
    """Whether a branch is, or now is, where it should be, so that nobody needs the note."""
    move = note.move
    if _stands(paths, move):
        return True
    if _goes_on(paths, repo, move):
        return False
    branch = _deploy_branch(repo, move.new)
    if branch is None:  # the git that moves it may have outlived the gate
        return note.age_s > git.LIMIT_S
    before = None if move.old == git.ABSENT else move.old
    return git.restore_ref(repo, git.BRANCHES + branch, move.new, before)


def _stands(paths: AppPaths, move: Move) -> bool:
    """Whether the commit is live, or was by this push."""
    if _live_commit(paths) == move.new:
        return True
    builds_of_it = (each for each in builds.newest_first(paths) if each.push == move.push)
    return any(build.status == "succeeded" for build in builds_of_it)


def _goes_on(paths: AppPaths, repo: Path, move: Move) -> bool:
    """Whether the commit may still go live: its build runs, its files arrive, or another push
    moves the branch there too. So long as one began where this one left it, nothing is decided.
    """
    if any(b.commit == move.new and b.status == "running" for b in builds.newest_first(paths)):
        return True
    if any(arrives(archive) for archive in paths.incoming.glob("*")):
        return True
    others = [each.move for each in git_leftovers.notes(repo) if each.move != move]
    return any(move.new in {other.old, other.new} for other in others)


def _live_commit(paths: AppPaths) -> str | None:
    live = records.read_live(paths)
    return None if live is None else records.read_release(paths, live.release).commit


def _deploy_branch(repo: Path, commit: str) -> str | None:
    """The deploy branch, or what became the first branch, if it is at this commit."""
    for branch in git.deploy_branches(repo):
        if git.resolve_commit(repo, git.BRANCHES + branch) == commit:
            return branch
    return None

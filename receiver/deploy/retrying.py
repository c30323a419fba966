"""Takes the newest pushed commit again, as if it came now: to deploy it, check it or plan it."""

from collections.abc import Callable
from pathlib import Path

from receiver.access.audit import Entry
from receiver.deploy import commits
from receiver.deploy.commits import Commit
from receiver.deploy.stages.requests import Push
from receiver.deploy.tree.spool import limits_of, spool
from receiver.machine import git
from receiver.model.errors import NotFoundError, ShipError
from receiver.model.names import AppName
from receiver.model.output import Output
from receiver.model.release import Release
from receiver.server import Server


def retry(
    server: Server,
    app: AppName,
    by: str,
    show: Callable[[bytes], object],
    entry: Entry | None = None,
) -> int:
    """Deploy the commit that the deploy branch is at; returns the deploy's exit code.

    Raises:
        NotFoundError: nothing was pushed yet
    """
    commit = _newest(server, app, by)
    return commits.take(server, commit, commits.deploy, "Deploy {} again", show, entry)


def first(
    server: Server,
    app: AppName,
    by: str,
    show: Callable[[bytes], object],
    title: str,
    advise: Callable[[str], str],
) -> int:
    """Deploy the commit that the deploy branch of a clone is at; returns the deploy's exit code.

    `title` is for the record; `advise` makes the advice of an error fit a clone.
    """

    def deploy(server: Server, push: Push, out: Output) -> Release | None:
        try:
            return commits.deploy(server, push, out)
        except ShipError as error:
            error.advice = advise(error.advice)
            raise

    return commits.take(server, _newest(server, app, by), deploy, title, show)


def check(
    server: Server,
    app: AppName,
    by: str,
    show: Callable[[bytes], object],
    entry: Entry | None = None,
) -> int:
    """Check the commit that the deploy branch is at; returns the check's exit code.

    Raises:
        NotFoundError: nothing was pushed yet
    """
    return commits.take(server, _newest(server, app, by), commits.check, "Check {}", show, entry)


def plan(server: Server, app: AppName, by: str, out: Output) -> None:
    """Tell what a deploy of the commit that the deploy branch is at would do.

    Raises:
        NotFoundError: nothing was pushed yet
    """
    commits.plan(server, _newest(server, app, by), out)


def _newest(server: Server, app: AppName, by: str) -> Commit:
    paths, repo = server.app(app), server.layout.repo(app)
    commit = _head_commit(repo, app)
    with git.archive(repo, commit) as tree:
        archive = spool(paths, tree, limits_of(server.settings))
        modules = git.submodules(repo, commit)
        return Commit(app=app, id=commit, by=by, archive=archive, submodules=modules)


def _head_commit(repo: Path, app: AppName) -> str:
    commit = git.resolve_commit(repo, "HEAD")
    if commit is None:
        raise NotFoundError(
            f"Nothing was pushed to {app} yet.",
            advice="Push some code: `git push prod main`.",
            reason="not-found/commit",
        )
    return commit

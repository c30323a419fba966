"""Deploys the newest pushed commit once more, as hooks/post-receive did when it was pushed."""

import os
from collections.abc import Callable
from pathlib import Path

from receiver import deploy, detached, git, intake
from receiver.model.errors import NotFoundError
from receiver.model.names import AppName
from receiver.model.output import Output
from receiver.model.release import Release
from receiver.server import Server


def retry(server: Server, app: AppName, by: str, show: Callable[[bytes], object]) -> int:
    """Deploy the commit that the deploy branch is at; returns the deploy's exit code.

    Raises:
        NotFoundError: nothing was pushed yet
    """
    paths = server.app(app)
    repo = server.layout.repo(app)
    commit = _head_commit(repo, app)
    archive = _spool(server, app, commit)

    def work(out: Output, number: int) -> Release:
        mine = archive.rename(paths.incoming / f"{os.getpid()}.tar")  # it bears its process's id
        push = deploy.Push(app=app, archive=mine, commit=commit, by=by, number=number)
        try:
            return deploy.deploy(server, push, out)
        finally:
            mine.unlink(missing_ok=True)

    request = detached.Request(
        app=app, by=by, commit=commit, description=f"Deploy {commit[:7]} again"
    )
    return detached.run_detached(server, request, work, show)


def _head_commit(repo: Path, app: AppName) -> str:
    commit = git.resolve_commit(repo, "HEAD")
    if commit is None:
        raise NotFoundError(
            f"Nothing was pushed to {app} yet.",
            advice="Push some code: `git push prod main`.",
            reason="not-found/commit",
        )
    return commit


def _spool(server: Server, app: AppName, commit: str) -> Path:
    with git.archive(server.layout.repo(app), commit) as tree:
        return intake.spool(server.app(app), tree)

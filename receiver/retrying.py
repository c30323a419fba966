"""Deploys the newest pushed commit once more, as hooks/post-receive did when it was pushed."""

import os
from collections.abc import Callable
from pathlib import Path

from receiver import deploy, detached, git, intake, shell
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
    argv = git.command(repo, "rev-parse", "--verify", "--quiet", "HEAD^{commit}")
    try:
        return shell.capture((*_as_owner(repo), *argv), env=git.environment()).decode().strip()
    except shell.CommandError as error:
        raise NotFoundError(
            f"Nothing was pushed to {app} yet.",
            advice="Push some code: `git push prod main`.",
            reason="not-found/commit",
        ) from error


def _spool(server: Server, app: AppName, commit: str) -> Path:
    repo = server.layout.repo(app)
    argv = (*_as_owner(repo), *git.command(repo, "archive", "--format=tar", commit))
    process = shell.start(argv, env=git.environment())
    try:
        if process.stdout is None:
            raise TypeError(process)
        return intake.spool(server.app(app), process.stdout.fileno())
    finally:
        shell.end(process)


def _as_owner(repo: Path) -> tuple[str, ...]:
    """What runs git as the account that owns the repository: root never does, because hooks and settings in it are not its own."""
    owner = repo.stat()
    if owner.st_uid == os.geteuid():
        return ()
    ids = (f"--reuid={owner.st_uid}", f"--regid={owner.st_gid}", "--clear-groups")
    return ("/usr/bin/setpriv", *ids, "--")

"""Takes the newest pushed commit once more, as hooks/post-receive did when it was pushed:
deploys it, or only checks it.
"""

import os
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from receiver.access.audit import Entry
from receiver.deploy import detached, forecast, rehearsal
from receiver.deploy import releasing as deploy
from receiver.deploy import spool as spools
from receiver.machine import git
from receiver.model.errors import NotFoundError, ShipError
from receiver.model.names import AppName
from receiver.model.output import Output
from receiver.model.release import Release
from receiver.server import Server

Take = Callable[[deploy.Push, Output], Release | None]


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
    request = replace(_request(server, app, by, "Deploy {} again"), entry=entry)
    return _take(server, request, show, partial(deploy.deploy, server))


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
    request = _request(server, app, by, title)
    return _take(server, request, show, partial(_deploy, server, advise))


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
    request = replace(_request(server, app, by, "Check {}"), entry=entry)
    return _take(server, request, show, partial(rehearsal.rehearse, server))


def plan(server: Server, app: AppName, by: str, out: Output) -> None:
    """Tell what a deploy of the commit that the deploy branch is at would do.

    Raises:
        NotFoundError: nothing was pushed yet
    """
    commit = _head_commit(server.layout.repo(app), app)
    archive = _spool(server, app, commit)
    push = deploy.Push(app=app, archive=archive, commit=commit, by=by, number=0)
    try:
        forecast.of_push(server, push, out)
    finally:
        archive.unlink(missing_ok=True)


def _deploy(
    server: Server, advise: Callable[[str], str], push: deploy.Push, out: Output
) -> Release | None:
    try:
        return deploy.deploy(server, push, out)
    except ShipError as error:
        error.advice = advise(error.advice)
        raise


def _request(server: Server, app: AppName, by: str, description: str) -> detached.Request:
    server.app(app)
    commit = _head_commit(server.layout.repo(app), app)
    told = description.format(commit[:7])
    return detached.Request(app=app, by=by, commit=commit, description=told)


def _take(
    server: Server, request: detached.Request, show: Callable[[bytes], object], take: Take
) -> int:
    app, commit = request.app, request.commit
    archive = _spool(server, app, commit)

    def work(out: Output, number: int) -> Release | None:
        # it bears its process's id
        mine = archive.rename(server.app(app).incoming / f"{os.getpid()}.tar")
        push = deploy.Push(app=app, archive=mine, commit=commit, by=request.by, number=number)
        try:
            return take(push, out)
        finally:
            mine.unlink(missing_ok=True)

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
        return spools.spool(server.app(app), tree)

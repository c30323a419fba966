"""The one way of a commit into its deploy, check or plan, whether just pushed or taken again.

A push starts this module, so it imports what deploys only in the process that does.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from receiver.access.audit import Entry
from receiver.deploy import detached
from receiver.model.names import AppName
from receiver.model.output import Output
from receiver.model.release import Release
from receiver.server import Server

if TYPE_CHECKING:
    from receiver.deploy.stages.requests import Push


class Commit(NamedTuple):
    """A commit whose files have arrived."""

    app: AppName
    id: str
    by: str
    archive: Path
    """The files, as `spool` stored them; whoever takes the commit removes it."""
    ref: str | None = None
    """The branch that goes back to `before` if the deploy fails."""
    before: str | None = None
    push: str = ""
    """What tells the push that brought it from every other."""
    submodules: tuple[str, ...] = ()
    """Its submodules, `COMMIT PATH` each."""


Do = Callable[[Server, "Push", Output], Release | None]
"""What is done with a commit: `deploy` or `check`."""


def take(
    server: Server,
    commit: Commit,
    do: Do,
    title: str,
    show: Callable[[bytes], object],
    entry: Entry | None = None,
) -> int:
    """Do it in a process of its own, showing the transcript; returns the exit code.

    Args:
        server: the server
        commit: the commit
        do: `deploy`, `check`, or one that adds to them
        title: what the build is called; `{}` in it stands for the commit
        show: takes the transcript as it grows
        entry: what the audit has of it
    """

    def work(out: Output, number: int) -> Release | None:
        try:
            return do(server, _push(commit, commit.archive, number), out)
        finally:
            commit.archive.unlink(missing_ok=True)

    request = detached.Request(
        app=commit.app,
        by=commit.by,
        commit=commit.id,
        description=title.format(commit.id[:7]),
        entry=entry,
        push=commit.push,
    )
    return detached.run_detached(server, request, work, show, _warm_up)


def plan(server: Server, commit: Commit, out: Output) -> None:
    """Tell what a deploy would do, here and now: nothing has to outlive the client."""
    from receiver.deploy import planning  # noqa: PLC0415 - few pushes ask

    try:
        planning.of_push(server, _push(commit, commit.archive, number=0), out)
    finally:
        commit.archive.unlink(missing_ok=True)


def deploy(server: Server, push: "Push", out: Output) -> Release | None:
    """Deploy the commit."""
    from receiver.deploy import releasing  # noqa: PLC0415 - see above

    return releasing.deploy(server, push, out)


def check(server: Server, push: "Push", out: Output) -> Release | None:
    """Only try the commit, which releases nothing."""
    from receiver.deploy import checking  # noqa: PLC0415 - see above

    checking.check(server, push, out)
    return None


def _push(commit: Commit, archive: Path, number: int) -> "Push":
    from receiver.deploy.stages.requests import Push  # noqa: PLC0415 - see above
    from receiver.model.submodules import parse_words  # noqa: PLC0415 - see above

    return Push(
        app=commit.app,
        archive=archive,
        commit=commit.id,
        by=commit.by,
        number=number,
        ref=commit.ref,
        before=commit.before,
        submodules=parse_words(commit.submodules),
    )


def _warm_up() -> None:
    """Import the story and what is below it, which costs as much as ten starts of Python."""
    from receiver.deploy import releasing  # noqa: F401, PLC0415 - see above

"""Changes of an app, each in a process of its own that goes on when the one who asked hangs up."""

from collections.abc import Callable
from contextlib import suppress

from receiver.cli import show
from receiver.cli.command import Call
from receiver.deploy import detached
from receiver.deploy.detached import Request, Work
from receiver.model.errors import NotFoundError, ServerError
from receiver.model.output import Output
from receiver.state import records


def change(call: Call, description: str, work: Work) -> int:
    """Do `work` with its transcript on standard error; returns its exit code."""
    paths = call.server.app(call.app)
    commit = ""
    with suppress(
        NotFoundError, ServerError
    ):  # whoever needs the live release says that it is gone
        _, release = records.read_live_release(paths)
        commit = release.commit if release else ""
    request = Request(
        app=call.app, by=call.by, commit=commit, description=description, entry=call.entry
    )
    return detached.run_detached(call.server, request, work, show.transcript)


def step(call: Call, title: str, do: Callable[[Output, int], object]) -> int:
    """As `change`, of what makes no release: a single step, of this title."""

    def work(out: Output, number: int) -> None:
        out.step(title)
        do(out, number)

    return change(call, title, work)


def live_label(call: Call) -> str | None:
    """The release that serves now, such as `v12`."""
    live = records.read_live(call.server.app(call.app))
    return f"v{live.release}" if live else None

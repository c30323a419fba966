"""A change of an app's release under way, and a trial of one: both keep a journal from the start.

Whatever ends a change before it stands, an error or a power cut, leads back to the release that
served all along. A trial goes back at its end too.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from receiver.changes.change import AppChange, changing, trying
from receiver.changes.checkpoint import About
from receiver.deploy.stages import afterwards
from receiver.machine.lock import build_turn
from receiver.model.names import AppName
from receiver.model.output import Output
from receiver.server import Server


@contextmanager
def transition(
    server: Server, app: AppName, about: About, out: Output, *, replaces: bool = False
) -> Iterator[AppChange]:
    """Have an app to oneself to make another release of it live.

    Left without an error, the change stands; any other way out puts everything back. `replaces`
    says that the live release is not needed for it, should its record be gone.
    """
    with changing(server, app, about.title, out) as work:
        work.replaces = replaces
        work.begin(about)
        work.afterwards.append(lambda: afterwards.look_at_background(work.state, out))
        yield work
        work.afterwards.append(lambda: afterwards.clear_up(work.state, out))


@contextmanager
def trial(server: Server, app: AppName, about: About, out: Output) -> Iterator[AppChange]:
    """Have an app to oneself to try a release of it; however this is left, everything goes back."""
    with trying(server, app, about.title, out) as work:
        work.begin(about)
        yield work


def turn(work: AppChange) -> AbstractContextManager[None]:
    """A place among the builds of this server, to be held while something is built or run."""
    server = work.server
    return build_turn(
        server.layout.build_turns(server.settings.builds_at_once),
        f"build of {work.paths.name} ({work.about.title})",
        wait_s=float(server.settings.lock_wait_s),
        # which app that is, not everybody may know
        on_wait=lambda _: work.out.say("Waiting for the build of another app."),
        clock=server.clock,
    )

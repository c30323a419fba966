"""A change of an app: locked, planned, done, or put back."""

from collections.abc import Callable

from receiver.changes import freezes
from receiver.changes.checkpoint import About, Checkpoint
from receiver.changes.executor import Executor
from receiver.changes.recovery import recover, undo
from receiver.changes.steps import settings_step
from receiver.model.layout import AppPaths
from receiver.model.names import AppName
from receiver.model.output import Output
from receiver.model.plan import (
    Plan,
)
from receiver.model.settings import App
from receiver.server import Server
from receiver.state import records


def configure(server: Server, name: AppName, to: Callable[[App], App], title: str) -> None:
    """Change settings of an app that nothing which runs has to follow at once."""
    paths = server.app(name)
    change(server, paths, lambda: (settings_step(paths, to(records.read_app(paths))),), title)


def change(
    server: Server,
    paths: AppPaths,
    plan: Callable[[], Plan],
    title: str,
    *,
    frozen_too: bool = False,
) -> None:
    """Make a plan under the app's lock and do it, inside a checkpoint."""
    with freezes.changing(server, paths, title, frozen_too=frozen_too):
        recover(server, paths.name)
        steps, checkpoint = plan(), Checkpoint(paths.journal)
        checkpoint.begin(About(title=title))
        try:
            Executor(server, checkpoint).apply(steps)
        except BaseException:
            undo(server, paths.name, checkpoint, Output(_unread))
            raise
        checkpoint.finalize()


def do_unlocked(server: Server, paths: AppPaths, plan: Plan) -> None:
    """Do a plan that is not undone, because it can be repeated."""
    executor = Executor(server, Checkpoint(paths.journal))
    for step in plan:
        executor.do(step)


_unread: Callable[[bytes], object] = len

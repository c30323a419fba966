"""How an app is changed: alone, step by step, to its end or not at all.

A change takes the app's lock, refuses where the app is frozen, undoes what an earlier one left
unfinished, and keeps the opposite of each step on disk before the step is done. Whatever ends it
before its end, an error, a kill or a power cut, leads back to where it began.
"""

import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import cached_property
from pathlib import Path

from msgspec.structs import replace

from receiver.access import grants as access
from receiver.changes import freezes, recovery
from receiver.changes.app_state import AppState, read_state, what_remains
from receiver.changes.checkpoint import About, Checkpoint
from receiver.changes.executor import Executor
from receiver.changes.points import reached
from receiver.changes.steps import settings_step
from receiver.model.errors import ShipError
from receiver.model.layout import AppPaths
from receiver.model.names import AppName
from receiver.model.output import Output
from receiver.model.plan import AnyStep, Plan
from receiver.model.settings import App
from receiver.server import Server
from receiver.state import records

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def or_undone(undo: Callable[[], object]) -> Iterator[None]:
    """Have all that is done in here stand, or nothing of it."""
    try:
        yield
    except BaseException:  # a cancelled build, Ctrl-C and SIGTERM must roll back as well
        undo()
        raise


class Change:
    """A change under way; nothing of it is on disk before its first step."""

    def __init__(self, server: Server, journal: Path, title: str, out: Output) -> None:
        self.server = server
        self.about = About(title=title)
        self.out = out
        self.stands = True
        """False for what is only tried: it may do nothing that does not go back."""
        self.afterwards: list[Callable[[], object]] = []
        """Done in this order when the change stands, while nobody else can begin another."""
        self.begun = False
        self.stood = False
        """Whether it came to its end: nothing that happens later turns that."""
        self.journal = Checkpoint(journal)
        self._executor = Executor(server, out.say, out.warn)

    def begin(self, about: About | None = None) -> None:
        """Open the journal: from here on, whoever finds it undoes it, unless it comes to its end.

        The first step does so by itself; `about` is for what has to put back more than its steps.
        """
        if self.begun:
            return
        self.about = about or self.about
        self.journal.begin(self.about)
        self.begun = True
        reached("begun")

    def register(self, undo: Plan) -> None:
        """Keep on disk how to undo what is about to be done by other means than a step."""
        self.begin()
        self.journal.register(undo)

    def do(self, step: AnyStep) -> None:
        """Do a step, with its opposite on disk before.

        Raises:
            ShipError: it could not be done; leaving the change with it undoes what was done before
        """
        self.register(self._executor.opposite(step))
        reached(f"before {type(step).__name__}")
        self._executor.do(step)
        reached(f"after {type(step).__name__}")

    def apply(self, plan: Plan) -> None:
        """Do all steps, as `do` does each."""
        for step in plan:
            self.do(step)

    def undo(self) -> None:
        """Put everything back; before the first step there is nothing to, after its end it
        stands.
        """
        if self.begun and not self.stood:
            self._put_back(self.journal)

    def finalize(self) -> None:
        """Have the change stand: there is no way back from here on.

        Raises:
            OSError: it does not stand, and has to be undone
        """
        if self.begun:
            self.journal.finalize()
            self.stood = True
            reached("finalized")

    def _put_back(self, journal: Checkpoint) -> None:
        recovery.roll_back(self.server, journal, self.out)


class AppChange(Change):
    """A change of one app, which is locked as long as it lasts."""

    def __init__(self, server: Server, paths: AppPaths, title: str, out: Output) -> None:
        super().__init__(server, paths.journal, title, out)
        self.paths = paths
        self.replaces = False
        """Whether a live release whose record is gone is no hindrance: another takes its place."""

    @cached_property
    def state(self) -> AppState:
        """The app as it was before the change; ask before its first step."""
        return read_state(self.server, self.paths, lost_too=self.replaces)

    def _put_back(self, journal: Checkpoint) -> None:
        recovery.undo(self.server, self.paths, journal, self.out)


@contextmanager
def changing(
    server: Server,
    app: AppName,
    title: str,
    out: Output | None = None,
    *,
    frozen_too: bool = False,
    build: int | None = None,
) -> Iterator[AppChange]:
    """Have an app to oneself and change it. Leaving this by an error puts everything back.

    Args:
        server: the server
        app: the app
        title: what the change is, for whoever waits for it or has to undo it
        out: told of a wait, of what is seen on the way, and of what could not be undone
        frozen_too: whether a freeze is no reason to refuse: for what changes nothing that counts
        build: the build that does it, if one does: whoever follows that undoes it after a kill

    Raises:
        LockedError: another command is still at work on it
        FrozenError: somebody wants it to stay as it is
    """
    paths, out = server.app(app), out or recovery.unheard()
    with freezes.turn(server, paths, title, out, frozen_too=frozen_too):
        recovery.recover(server, app)
        change = AppChange(server, paths, title, out)
        change.about = replace(change.about, build=build)
        try:
            with or_undone(change.undo):
                yield change
                with _signals_unheard():
                    change.finalize()
        except BaseException:
            if not change.stood:
                raise
            # somebody stopped it, and that came too late
        for deed in change.afterwards:
            _do_afterwards(deed, out)


@contextmanager
def trying(server: Server, app: AppName, title: str, out: Output) -> Iterator[AppChange]:
    """Have an app to oneself and change it, and put everything back at the end.

    A freeze is no reason to refuse: nothing of it stays.

    Raises:
        LockedError: another command is still at work on it
    """
    paths = server.app(app)
    with freezes.turn(server, paths, title, out, frozen_too=True):
        recovery.recover(server, app)
        change = AppChange(server, paths, title, out)
        change.stands = False
        try:
            yield change
        finally:
            change.undo()


@contextmanager
def looking(server: Server, app: AppName, title: str, out: Output) -> Iterator[AppState]:
    """An app that nobody is at work on: what another change had begun stands, or is undone.

    Raises:
        LockedError: another command is still at work on it
    """
    with changing(server, app, title, out, frozen_too=True) as change:
        yield change.state


@contextmanager
def removing(
    server: Server, app: AppName, title: str, *, frozen_too: bool = False
) -> Iterator[AppState]:
    """Have an app to oneself that is about to go, in whatever state it is.

    Raises:
        LockedError: another command is still at work on it
        FrozenError: somebody wants it to stay as it is
    """
    paths = server.app(app)
    with freezes.turn(server, paths, title, recovery.unheard(), frozen_too=frozen_too):
        yield what_remains(server, paths)


@contextmanager
def changing_machine(server: Server, title: str) -> Iterator[Change]:
    """Change files that are of no app. Leaving this by an error puts everything back."""
    with access.changing(server.layout):
        recovery.recover_machine(server)
        change = Change(server, server.layout.journal, title, recovery.unheard())
        with or_undone(change.undo):
            yield change
            with _signals_unheard():
                change.finalize()


@contextmanager
def changing_all(
    server: Server, title: str, out: Output
) -> Iterator[tuple[Change, tuple[AppState, ...]]]:
    """Have all apps to oneself, and change files of them and of the server as one: for what holds
    for every app. Leaving this by an error puts everything back.

    Yields the change, and the apps as they are; an app that somebody damaged is left out with a
    word. A freeze is no reason to refuse.

    Raises:
        LockedError: another command is still at work on one of them
    """
    with ExitStack() as turns:
        found = []
        for app in records.app_names(server.layout):
            paths = server.layout.app(app)
            turns.enter_context(freezes.turn(server, paths, title, out, frozen_too=True))
            try:
                recovery.recover(server, app)
                found.append(read_state(server, paths))
            except ShipError as error:  # one that is broken keeps no other from it
                out.warn(f"{app} is left as it is: {error.title}")
        with changing_machine(server, title) as change:
            yield change, tuple(found)


@contextmanager
def _signals_unheard() -> Iterator[None]:
    """The one moment that decides whether a change stands is not interrupted by a signal that says
    to end: what it says is done before, or comes too late.
    """
    kept = signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, kept)


def _do_afterwards(deed: Callable[[], object], out: Output) -> None:
    """Do what follows a change that stands: what fails is told, and turns nothing."""
    try:
        deed()
    except Exception as error:  # noqa: BLE001 - whatever it is, the change stands
        why = f"{error.title} {error.detail}" if isinstance(error, ShipError) else repr(error)
        with suppress(OSError):  # the disk of the log may be what is wrong
            out.warn(f"What was changed stands, and not all that follows was done: {why}".rstrip())


def configure(server: Server, app: AppName, to: Callable[[App], App], title: str) -> None:
    """Change settings of an app that nothing which runs has to follow at once."""
    with changing(server, app, title) as change:
        settings = to(change.state.settings)
        change.do(settings_step(change.state.with_settings(settings)))


def repeat(server: Server, plan: Plan, warn: Callable[[str], object] = len) -> None:
    """Do steps that have no way back, because all of them can be done once more."""
    executor = Executor(server, warn=warn)
    for step in plan:
        executor.do(step)

"""A part of an app: something that an app has, and what becomes of it when the app does.

An app is made, renamed, copied, brought up to date, examined and removed by going through its
parts, so that what is new has one place to be written down. `apps.parts` has the list; a part lives
in the room of its subject.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import ClassVar

import msgspec

from receiver.changes.app_state import AppState
from receiver.hosts.accounts import ids
from receiver.model.finding import Finding
from receiver.model.layout import AppPaths
from receiver.model.names import AppName
from receiver.model.output import Output
from receiver.model.plan import Plan
from receiver.server import Server

Do = Callable[[Plan], object]
"""How the steps of a part are done: journalled, or so that they can be repeated."""


class Copying(msgspec.Struct, frozen=True, kw_only=True):
    """A clone under way."""

    original: AppState
    config: dict[str, str]
    """The original's config vars, read with the rest of it."""
    paths: AppPaths
    """The clone, which is made and has its settings."""
    storage: bool
    """Whether what the original keeps was asked for too."""
    out: Output

    @property
    def gid(self) -> int:
        """The group of the clone's account, for what it reads."""
        return ids(self.original.server.host.accounts.owner(self.paths.name))[1]

    @property
    def address(self) -> str:
        """The clone's host name."""
        return self.original.server.address(self.paths.name)


class Part:
    """What an app has of one subject. A method is a moment in the app's life.

    A part overrides those that concern it; here, each does nothing. Every method can be called once
    more after it was cut off.
    """

    settings: ClassVar[tuple[str, ...]] = ()
    """Settings in app.toml that are of this part; a clone takes them along."""
    settings_of_one_app: ClassVar[tuple[str, ...]] = ()
    """Those that no other app can have as well; a clone gets its own."""

    def make(self, app: AppState) -> None:
        """Make what has to be there before anything of the app starts."""

    def start(self, app: AppState, do: Do, *, booting: bool) -> None:
        """Have what should run, run. While the machine boots, only leave word of it."""

    def stop(self, app: AppState, do: Do) -> None:
        """Have nothing of the app run, or lead to it."""

    def withdraw(self, app: AppState, do: Do) -> None:
        """Take back what the machine was told of the app by its name; all parts are stopped."""

    def rename(self, server: Server, was: AppName, name: AppName) -> None:
        """Have what bears the name bear the new one; all parts are withdrawn."""

    def copy(self, copying: Copying) -> None:
        """Give a clone what it takes along, and say what stays behind."""

    def renew(self, apps: Sequence[AppState], *, dry_run: bool) -> Iterator[str]:
        """Bring what an older Ship wrote up to date, interrupting nothing: a line a change."""
        yield from ()

    def examine(self, app: AppState) -> Iterable[Finding]:
        """What is not as it should be, as far as the part itself can see; changes nothing."""
        return ()

    def remove(self, app: AppState) -> None:
        """Remove what is not in the app's own folder; all parts are withdrawn."""

"""One call of a command: where it acts, for which app, and by whom."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from receiver.cli.checkout import Checkout
from receiver.cli.context import Environment
from receiver.cli.place import Here, Place, Said, choose_app, choose_place
from receiver.model.grant import Needs, suffices
from receiver.model.layout import Layout
from receiver.model.names import AppName

if TYPE_CHECKING:
    from receiver.access.audit import Entry
    from receiver.server import Server


class Call:
    """One call of a command."""

    def __init__(self, environment: Environment, arguments: Sequence[str], by: str | None) -> None:
        self.environment = environment
        self.arguments = arguments
        """The whole command line."""
        self.key = by
        """Name of the key behind a call over ssh; None when somebody types on this machine."""
        self.said = Said()
        self.words: tuple[str, ...] = ()
        """What followed the name of the command."""
        self.entry: Entry | None = None
        """What the audit has of it, where it is on record."""

    @property
    def by(self) -> str:
        """Who asks, for the record."""
        return self.key or self.environment.user

    @cached_property
    def checkout(self) -> Checkout:
        """The checkout around the working directory."""
        return Checkout(Path.cwd(), self.environment.variables)

    @cached_property
    def place(self) -> Place:
        """Where the command acts."""
        if self.key is not None:
            return Here(self.environment.root)
        return choose_place(self.said, self.environment, self.checkout)

    @cached_property
    def app(self) -> AppName:
        """The app that is meant. Whoever calls over ssh stands in no checkout of their own."""
        checkout = self.checkout if self.key is None else None
        return choose_app(self.said, self.environment, checkout)

    def may(self, needed: Needs) -> bool:
        """Whether who asks may do to the app what takes this grant; who sits at the server may
        do all.
        """
        if self.key is None:
            return True
        from receiver.access import grants as access

        return suffices(access.held(self.layout, self.key, self.app), needed)

    def require(self, needed: Needs) -> None:
        """Refuse, as `may` says, what of a command takes more than the command."""
        if self.key is not None:
            from receiver.access import grants as access

            access.admit(self.layout, self.key, self.app, needed)

    @property
    def layout(self) -> Layout:
        """Where the server of this machine has its files."""
        if not isinstance(self.place, Here):
            raise TypeError(self.place)
        root = self.place.root
        return Layout.at(root)

    @cached_property
    def server(self) -> "Server":
        """The server of this machine."""
        return self.open_server()

    def open_server(self, *, booting: bool = False) -> "Server":
        """Open the server, with nothing left half done by a command that was killed."""
        from receiver.apps import unfinished
        from receiver.server import open_server

        if not isinstance(self.place, Here):
            raise TypeError(self.place)
        server = open_server(self.place.root)
        unfinished.settle(server, booting=booting)
        return server

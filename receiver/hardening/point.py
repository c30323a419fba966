"""What the points of hardening have in common."""

from typing import Literal, NamedTuple, Protocol

from receiver.hardening.record import Ledger
from receiver.model.errors import ServerError

State = Literal["done", "not done", "refused", "unknown", "left out"]
"""refused: it would lock people out; left out: it needs not be."""


class Seen(NamedTuple):
    """How a point stands."""

    state: State
    said: str
    advice: str = ""


class Point(Protocol):
    """One thing that makes a machine harder to break into."""

    @property
    def name(self) -> str:
        """As it is shown, and kept on record."""

    @property
    def packages(self) -> tuple[str, ...]:
        """Debian's, which it needs."""

    @property
    def locks_out(self) -> bool:
        """Whether a mistake would keep people out: it goes back unless somebody confirms."""

    def look(self) -> Seen:
        """Whether it is done; changes nothing."""

    def do(self, ledger: Ledger) -> None:
        """Do it, with what is changed on record before.

        Raises:
            ShipError: it could not be done; what was done of it is undone by `undo`
        """

    def undo(self, ledger: Ledger) -> list[str]:
        """Undo what was done of it; returns files that somebody edited since, which stay."""


def failed(title: str, detail: str, advice: str = "") -> ServerError:
    """The error of a point that could not be done."""
    return ServerError(title, detail=detail, advice=advice, reason="server/not-hardened")

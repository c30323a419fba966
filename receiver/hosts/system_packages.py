"""Packages of the machine's distribution, which apps ask for: what a machine does about them."""

from collections.abc import Callable, Collection
from typing import Protocol


class SystemPackages(Protocol):
    """The packages of one machine."""

    @property
    def can_install(self) -> bool:
        """Whether Ship itself can install one."""

    def missing(self, names: Collection[str]) -> tuple[str, ...]:
        """Those that are not installed."""

    def known(self, names: Collection[str]) -> frozenset[str]:
        """Those that could be installed, as far as that is known without a network."""

    def install(self, names: Collection[str], on_output: Callable[[bytes], object]) -> int:
        """Install them, handing on what is said; returns an exit status.

        Nothing that they bring is started, also at a boot. Two at once wait for each other, and who
        asked may be gone before it ends.
        """

    def settle(self) -> None:
        """Put right what an installation left that was cut off; nothing while one is under way."""


def by_hand(names: Collection[str]) -> str:
    """The line that an administrator types on the machine itself."""
    return f"sudo apt-get install {' '.join(names)}"

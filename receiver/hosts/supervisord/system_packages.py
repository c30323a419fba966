"""Packages of a machine on which Ship is no root: they are looked for, and installed by others."""

from collections.abc import Callable, Collection

from receiver.machine import apt


class OthersPackages:
    """Packages that somebody else installs."""

    can_install = False

    def missing(self, names: Collection[str]) -> tuple[str, ...]:
        return apt.missing(names)

    def known(self, names: Collection[str]) -> frozenset[str]:
        return apt.known(names)

    def install(self, names: Collection[str], on_output: Callable[[bytes], object]) -> int:
        """Nothing: nobody asks, since `can_install` says so."""
        raise NotImplementedError

    def settle(self) -> None:
        """Nothing is ever half done."""

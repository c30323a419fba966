"""The processes of an app besides web: how many of which type, of which release, and how they
are stopped.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import msgspec

from receiver.model.check import Seconds
from receiver.model.settings import GRACEFUL_S, StopSignal

WEB, RELEASE = "web", "release"
NOT_IN_BACKGROUND = frozenset({WEB, RELEASE})
"""Types with a way of their own: web has slots, and release runs once in each deploy."""


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """All processes of one type."""

    version: int
    """The release whose code, config vars and command line they run."""
    count: int
    stop_signal: StopSignal = "SIGTERM"
    graceful_s: Seconds = GRACEFUL_S
    shell: bool = False
    """Whether a shell runs the command: a signal to it alone would not reach the program."""


Formation = dict[str, Group]
"""Groups by process type; a type that is not in it does not run."""


class Instance(NamedTuple):
    """One process of a type, counted from 1."""

    type: str
    number: int

    @property
    def name(self) -> str:
        return f"{self.type}.{self.number}"

    @classmethod
    def parse(cls, name: str) -> "Instance":
        """The instance that `worker.1` is the name of."""
        found, _, number = name.rpartition(".")
        return cls(found, int(number))


def instances(formation: Mapping[str, Group]) -> Iterator[Instance]:
    """Every process that there should be."""
    for name, group in formation.items():
        for number in range(1, group.count + 1):
            yield Instance(name, number)

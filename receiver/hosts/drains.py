"""Has the processes of drains run as long as there are drains: a unit, or a program, each."""

import sys
from pathlib import Path
from typing import Protocol

from receiver.machine.interpreter import program
from receiver.model.names import AppName

SHIP = program("ship")
VERSION = Path(sys.prefix) / ".installed"
"""What installer.sh writes beside the program: a digest of it."""


class Drains(Protocol):
    """What a machine does for log drains."""

    def start(self, app: AppName, name: str) -> None:
        """Have it run, now and after a boot; one that runs is started anew."""

    def stop(self, app: AppName, name: str) -> None:
        """Have it run no more; returns when it has ended, and has written down how it went."""

    def forget(self, app: AppName, name: str) -> None:
        """Remove what it wrote down."""

    def state(self, app: AppName, name: str) -> Path:
        """Where it writes down how it goes."""

    def runs(self, app: AppName, name: str) -> bool:
        """Whether it runs."""

    def is_current(self, app: AppName, name: str) -> bool:
        """Whether this version of ship started it."""


def program_name(app: str, name: str) -> str:
    """What a drain's program is called; no app can have a dot in its name."""
    return f"ship.drain.{app}.{name}"


def state_name(app: AppName, name: str) -> str:
    """The end of the path to where a drain's process writes down how it goes."""
    return f"{app}.{name}/state.json"

"""Doorway to PID 1: `systemctl`, which goes to it directly; each call takes about 8 ms."""

import os

from receiver.machine import proc, shell

_UNBOUNDED_S = 90_000.0
"""For commands that the unit's own time limits end."""
_NOT_LOADED = 5
"""Exit status of `systemctl stop` for a unit that is not there, or not any more."""


def systemctl(*argv: str) -> bytes:
    """What a command of systemctl's prints."""
    return shell.capture(("systemctl", *argv), limit_s=_UNBOUNDED_S)


def own_unit() -> str:
    """The unit that ship itself runs in."""
    return proc.control_groups(os.getpid())[-1].place.rpartition("/")[2]


def stop_units(*units: str, limit_s: float = 90_000) -> None:
    """Stop units and wait until their processes are gone; nothing happens to those that are not
    there.

    `--quiet` spares several questions to PID 1, whether a socket could start them again.
    """
    try:
        shell.capture(("systemctl", "--quiet", "stop", *units), limit_s=limit_s)
    except shell.CommandError as error:
        if error.status != _NOT_LOADED:
            raise

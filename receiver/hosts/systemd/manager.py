"""Doorway to PID 1: `systemctl`, which goes to it directly; each call takes about 8 ms."""

import os
from contextlib import suppress

from receiver.machine import proc, shell
from receiver.machine.clock import SYSTEM_CLOCK
from receiver.model.program import KILLED_WORKERS

GONE = frozenset({"inactive", "failed"})
"""States of a unit that does not run, and that is not about to be started again."""
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


def stop_units(*units: str, limit_s: float = 90_000) -> frozenset[str]:
    """Stop units and wait until their processes are gone; nothing happens to those that are not
    there.

    `--quiet` spares several questions to PID 1, whether a socket could start them again.

    Returns:
        those that had to be killed
    """
    began = SYSTEM_CLOCK.now()
    try:
        shell.capture(("systemctl", "--quiet", "stop", *units), limit_s=limit_s)
    except shell.CommandError as error:
        if error.status != _NOT_LOADED:
            raise
    # no time limit is shorter than a second: what took less was not killed, and PID 1 is not asked
    return _killed(units) if SYSTEM_CLOCK.now() - began >= 1 else frozenset()


def _killed(units: tuple[str, ...]) -> frozenset[str]:
    """Those units of which PID 1, or gunicorn's master, killed a process; then it is forgotten."""
    said = systemctl("show", "--property=Id,Result,ExecMainStatus", *units).decode()
    blocks = (dict(line.split("=", 1) for line in each.splitlines()) for each in said.split("\n\n"))
    found = frozenset(
        each["Id"]
        for each in blocks
        if each and (each["Result"] == "timeout" or int(each["ExecMainStatus"]) == KILLED_WORKERS)
    )
    if found:
        with suppress(shell.CommandError):
            systemctl("--quiet", "reset-failed", *found)
    return found

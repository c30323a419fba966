"""Ship's own programs, as they are started where git and commands come in."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from receiver.machine.interpreter import lasting


def path_of(program: str) -> str:
    """Where a program of this installation is."""
    return str(lasting(Path(sys.executable)).with_name(program))


def needs_sudo(environment: Mapping[str, str]) -> bool:
    """Whether root must do it: always on a VPS; an embedded server is all its owner's."""
    return os.geteuid() != 0 and "SHIP_ROOT" not in environment


def ship_by(key: str, environment: Mapping[str, str], *words: str) -> tuple[str, ...]:
    """The words that start `ship` for the key of this name."""
    sudo = ("sudo", "-n", "--") if needs_sudo(environment) else ()
    return (*sudo, path_of("ship"), "--by", key, *words)

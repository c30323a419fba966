"""Numbers given out to test machines, each held by a file lock that the death of its owner
frees."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Self

STATE = Path("/run/ship-tests")
NUMBERS = range(16_384)  # as many /30 networks as network.py can cut out of its /16


@contextmanager
def alone() -> Iterator[None]:
    """Hold the one lock of this computer under which claims are made, swept and given back."""
    STATE.mkdir(exist_ok=True)
    with (STATE / "lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


@dataclass(frozen=True)
class Claim:
    """A number and the folder of the machine that has it; ours while `handle` is open."""

    number: int
    folder: Path
    handle: IO[str]

    @classmethod
    def take(cls, machines: Path) -> Self:
        """Claim the lowest free number; call it under `alone`, after the sweep."""
        for number in NUMBERS:
            if not (path := _path(number)).exists():
                handle = path.open("w")
                fcntl.flock(handle, fcntl.LOCK_EX)
                folder = machines / str(number)
                # The pid is for people; the lock decides, because pids are used again.
                print(os.getpid(), folder, sep="\n", file=handle, flush=True)
                return cls(number, folder, handle)
        raise RuntimeError("every number for a test machine is taken")

    def give_back(self) -> None:
        """Free the number; call it under `alone`, when nothing of the machine is left."""
        _path(self.number).unlink(missing_ok=True)
        self.handle.close()


def abandoned() -> Iterator[Claim]:
    """Claims whose owner died without giving them back; call it under `alone`."""
    for path in sorted(STATE.glob("*.claim")):
        handle = path.open()
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            handle.close()
            continue
        _pid, _, folder = handle.read().strip().partition("\n")
        yield Claim(int(path.stem), Path(folder), handle)


def any_left() -> bool:
    """Whether a machine of any run has a claim on this computer."""
    return any(STATE.glob("*.claim"))


def _path(number: int) -> Path:
    return STATE / f"{number}.claim"

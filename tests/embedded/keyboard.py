"""The command `ship`, typed on the machine of an embedded server."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Typed:
    """What came of a command."""

    status: int
    raw: bytes
    err: str

    @property
    def out(self) -> str:
        return self.raw.decode()

    @staticmethod
    def argv() -> tuple[str, ...]:
        return (str(Path(sys.executable).with_name("ship")),)

    @staticmethod
    def environment(root: Path) -> dict[str, str]:
        return {"PATH": os.environ["PATH"], "HOME": str(root.parent), "SHIP_ROOT": str(root)}


def type_ship(root: Path, *words: str, given: bytes = b"") -> Typed:
    """Type a command; returns what came of it."""
    done = subprocess.run(
        (*Typed.argv(), *words),
        input=given,
        env=Typed.environment(root),
        capture_output=True,
        timeout=100,
        check=False,
    )
    return Typed(done.returncode, done.stdout, done.stderr.decode(errors="replace"))

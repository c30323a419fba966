"""Commands as they are typed somewhere, and what stands for ssh there.

sshd itself has its turn in tests/vps.
"""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

BIN = Path(sys.executable).parent
SHIP = BIN / "ship"
GATE = BIN / "ship-gate"
SSH = """#!/bin/sh
printf '%s\\n' "$@" >>'{log}'
for last; do :; done
SHIP_ROOT='{root}' SSH_ORIGINAL_COMMAND="$last" exec '{gate}' --key "${{SHIP_TEST_KEY:-laptop}}"
"""


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
        return (str(SHIP),)

    @staticmethod
    def environment(root: Path) -> dict[str, str]:
        """On the machine of the server."""
        return {"PATH": os.environ["PATH"], "HOME": str(root.parent), "SHIP_ROOT": str(root)}


def type_words(
    words: Sequence[str | bytes],
    environment: Mapping[str, str],
    folder: Path | None = None,
    given: bytes = b"",
) -> Typed:
    """Type a command line; returns what came of it."""
    done = subprocess.run(
        words,
        input=given,
        env=environment,
        cwd=folder,
        capture_output=True,
        timeout=100,
        check=False,
    )
    return Typed(done.returncode, done.stdout, done.stderr.decode(errors="replace"))


def type_ship(root: Path, *words: str, given: bytes = b"") -> Typed:
    """Type a command of ship's on the machine of the server."""
    return type_words((*Typed.argv(), *words), Typed.environment(root), given=given)


def put_for_ssh(path: Path, root: Path, log: Path) -> None:
    """Write a program that notes its words, and leads to the real gate by SHIP_TEST_KEY."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(SSH.format(log=log, root=root, gate=GATE))
    path.chmod(0o755)

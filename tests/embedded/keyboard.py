"""Commands as they are typed somewhere, and what stands for ssh there.

sshd itself has its turn in tests/vps.
"""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile

from tests.embedded import loaded

LIMIT_S = 100
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
    typed = [os.fsdecode(word) for word in words]
    if loaded.can(typed, environment):
        return _type_at_loaded(typed, environment, folder or Path.cwd(), given)
    done = subprocess.run(
        words,
        input=given,
        env=environment,
        cwd=folder,
        capture_output=True,
        timeout=LIMIT_S,
        check=False,
    )
    return Typed(done.returncode, done.stdout, done.stderr.decode(errors="replace"))


def _type_at_loaded(
    words: Sequence[str], environment: Mapping[str, str], folder: Path, given: bytes
) -> Typed:
    with TemporaryFile() as into, TemporaryFile() as out, TemporaryFile() as err:
        into.write(given)
        into.seek(0)
        files = [file.fileno() for file in (into, out, err)]
        status = loaded.run(words, environment, folder, files, LIMIT_S)
        out.seek(0)
        err.seek(0)
        return Typed(status, out.read(), err.read().decode(errors="replace"))


def type_ship(root: Path, *words: str, given: bytes = b"") -> Typed:
    """Type a command of ship's on the machine of the server."""
    return type_words((*Typed.argv(), *words), Typed.environment(root), given=given)


def put_for_ssh(path: Path, root: Path, log: Path) -> None:
    """Write a program that notes its words, and leads to the real gate by SHIP_TEST_KEY."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(SSH.format(log=log, root=root, gate=GATE))
    path.chmod(0o755)

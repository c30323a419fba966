"""Commands of one job, one after the other."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from receiver.model.program import RUNTIME

SAY = ("/bin/sh", "-c", 'echo "$0 $MINE $ALL"')


@pytest.mark.parametrize(
    ("second", "status", "said"),
    [
        ("exit 0", 0, "one a all\nthree  all\n"),
        ("echo no >&2; exit 3", 3, "one a all\nno\n"),
        ("kill -TERM $$", 143, "one a all\n"),
    ],
)
def test_up_to_one_that_fails(tmp_path: Path, second: str, status: int, said: str) -> None:
    done = _run(
        tmp_path,
        ((*SAY, "one"), {"MINE": "a"}),
        (("/bin/sh", "-c", second), {}),
        ((*SAY, "three"), {}),
    )
    assert (done.returncode, done.stdout) == (status, said)


def test_the_output_of_one_that_is_marked_begins_with_a_nul_byte(tmp_path: Path) -> None:
    place = tmp_path / "steps.json"
    steps = [{"argv": (*SAY, word), "env": {}, "marked": word == "two"} for word in ("one", "two")]
    place.write_text(json.dumps(steps))
    argv = (sys.executable, "-I", "-S", str(RUNTIME / "steps.py"), str(place))
    assert subprocess.run(argv, env={}, stdout=subprocess.PIPE, check=True).stdout == (
        b"one  \n\0two  \n"
    )


def test_a_program_that_is_missing(tmp_path: Path) -> None:
    done = _run(tmp_path, (("/nowhere/uv",), {}))
    assert done.returncode == 127
    assert done.stdout == "ship: /nowhere/uv cannot be run: No such file or directory.\n"


def _run(
    folder: Path, *steps: tuple[tuple[str, ...], dict[str, str]]
) -> "subprocess.CompletedProcess[str]":
    place = folder / "steps.json"
    place.write_text(json.dumps([{"argv": argv, "env": env} for argv, env in steps]))
    return subprocess.run(
        (sys.executable, "-I", "-S", str(RUNTIME / "steps.py"), str(place)),
        env={"ALL": "all"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )

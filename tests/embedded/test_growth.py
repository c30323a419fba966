"""What a real process writes to a file is followed to its end."""

import subprocess
import time
from itertools import pairwise
from pathlib import Path

import pytest

from receiver.machine.growth import follow_process

pytestmark = pytest.mark.embedded


def _writer(script: str, log: Path) -> subprocess.Popen[bytes]:
    with log.open("ab") as handle:
        return subprocess.Popen(["/bin/sh", "-c", script], stdout=handle)


def test_each_line_comes_when_it_is_written(tmp_path: Path) -> None:
    log = tmp_path / "log"
    seen: list[tuple[float, bytes]] = []
    script = "echo first; sleep 0.6; echo second; sleep 0.6; printf last"
    with _writer(script, log) as writer:
        follow_process(log, writer.pid, lambda chunk: seen.append((time.monotonic(), chunk)))
    assert b"".join(chunk for _, chunk in seen) == b"first\nsecond\nlast"
    assert [chunk for _, chunk in seen] == [b"first\n", b"second\n", b"last"]
    assert all(later[0] - earlier[0] > 0.3 for earlier, later in pairwise(seen))


def test_what_a_process_wrote_that_is_gone(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with _writer("seq 100000", log) as writer:
        pass
    seen: list[bytes] = []
    follow_process(log, writer.pid, seen.append)
    assert b"".join(seen) == log.read_bytes()
    assert len(seen) > 1


def test_a_file_that_comes_later(tmp_path: Path) -> None:
    log = tmp_path / "log"
    seen: list[bytes] = []
    script = f"sleep 0.3; echo first >'{log}'; sleep 0.3; echo second >>'{log}'"
    with _writer(script, tmp_path / "other") as writer:
        follow_process(log, writer.pid, seen.append)
    assert b"".join(seen) == b"first\nsecond\n"

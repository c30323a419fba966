"""The doorway to outside programs, with real ones."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from receiver.machine import lifetimes, proc, shell
from tests.embedded.embedded_server import wait_until
from tests.needs import require_root

pytestmark = pytest.mark.embedded
_BOTH = ("sh", "-c", "echo out; echo err >&2; exit 3")
_LEFT_BEHIND = (
    "trap 'exit 0' TERM; (trap '' TERM; sleep 600) & echo $!; while :; do sleep 0.1; done"
)


def test_a_command_that_fails_is_an_error_for_one_and_an_answer_for_the_other() -> None:
    assert shell.run(_BOTH) == (3, b"out\n", b"err\n")
    with pytest.raises(shell.CommandError) as caught:
        shell.capture(_BOTH)
    assert (caught.value.status, caught.value.output) == (3, "out\nerr\n")


def test_input_is_bytes_or_a_descriptor_or_nothing(tmp_path: Path) -> None:
    assert shell.capture(("cat",)) == b""
    assert shell.capture(("cat",), given=b"some\0") == b"some\0"
    (tmp_path / "file").write_text("more")
    with (tmp_path / "file").open() as file:
        assert shell.capture(("cat",), given=file.fileno()) == b"more"


def test_nothing_is_inherited(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SECRET", "1")
    said = shell.capture(("env",), cwd=tmp_path).decode().split()
    assert {line for line in said if not line.startswith(("PWD=", "_=", "SHLVL="))} == {
        f"{name}={value}" for name, value in shell.PLAIN_ENVIRONMENT.items()
    }
    assert shell.capture(("pwd",), cwd=tmp_path) == f"{tmp_path}\n".encode()


def test_a_program_that_is_missing_or_takes_too_long() -> None:
    with pytest.raises(shell.CommandError) as caught:
        shell.run(("no-such-program",))
    assert caught.value.status == shell.MISSING
    with pytest.raises(shell.CommandError, match="exit status 124") as caught:
        shell.run(("sleep", "600"), limit_s=0.1)
    assert caught.value.detail == "It took longer than 0.1 s."


def test_sh_tells_the_same_of_a_command() -> None:
    assert shell.admin("cat", given="text") == "text"
    with pytest.raises(shell.CommandError) as caught:
        shell.admin(*_BOTH)
    assert (caught.value.status, caught.value.output) == (3, "out\nerr\n")
    with pytest.raises(shell.CommandError) as caught:
        shell.admin("no-such-program")
    assert caught.value.status == shell.MISSING


def test_another_account_runs_it_without_groups_of_ours() -> None:
    require_root()
    words = ("sh", "-c", "id -u; id -g; id -G")
    assert shell.run(words, account=(1234, 2345)).output == b"1234\n2345\n2345\n"
    program = shell.Program(words, shell.PLAIN_ENVIRONMENT, Path("/"), account=(1234, 2345))
    said = bytearray()
    assert shell.pump(shell.stream(program), said.extend) == 0
    assert said == b"1234\n2345\n2345\n"


@pytest.mark.parametrize(
    ("shows", "said"), [("all", b"out\nerr\n"), ("output", b"out\n"), ("errors", b"err\n")]
)
def test_streams_that_are_of_interest(shows: str, said: bytes, tmp_path: Path) -> None:
    program = shell.Program(_BOTH, shell.PLAIN_ENVIRONMENT, tmp_path, shows=shows)  # type: ignore[arg-type]
    heard = bytearray()
    assert shell.pump(shell.stream(program), heard.extend) == 3
    assert heard == said


def test_memory_of_a_program_has_a_limit(tmp_path: Path) -> None:
    words = (sys.executable, "-c", "input(); bytearray(300_000_000)")
    program = shell.Program(
        words, shell.PLAIN_ENVIRONMENT, tmp_path, shows="errors", memory_bytes=200_000_000
    )
    reading, writing = os.pipe()  # it waits until it has its limit
    process = shell.stream(program, stdin=reading)
    os.write(writing, b"\n")
    heard = bytearray()
    assert shell.pump(process, heard.extend) == 1
    assert b"MemoryError" in heard
    os.close(reading)
    os.close(writing)


@pytest.mark.parametrize("outlives_us", [True, False])
def test_one_that_outlives_us_has_a_session_of_its_own(outlives_us: bool) -> None:
    program = shell.Program(("sleep", "600"), shell.PLAIN_ENVIRONMENT, Path("/"))
    with shell.stream(program, outlives_us=outlives_us) as process:
        assert (os.getsid(process.pid) == process.pid) is outlives_us
        process.kill()


def test_the_end_of_a_process_is_that_of_all_it_started() -> None:
    process = shell.start(("sh", "-c", _LEFT_BEHIND), env=shell.PLAIN_ENVIRONMENT)
    with shell.output_of(process) as output:
        child = int(output.readline())
        assert not shell.ended(process, 0.1)
        assert shell.end(process) == 0  # it ended by itself; the other one takes no notice of TERM
    wait_until(lambda: not lifetimes.runs(child))
    assert shell.end(process) == 0


def test_a_process_that_takes_no_notice_is_killed_in_time() -> None:
    words = ("sh", "-c", "trap '' TERM; echo; while :; do sleep 0.1; done")
    process = shell.start(words, env=shell.PLAIN_ENVIRONMENT)
    with shell.output_of(process) as output:
        output.readline()
        began = time.monotonic()
        assert shell.end(process, grace_s=0.3) == -signal.SIGKILL
        assert 0.3 <= time.monotonic() - began < 5


def test_an_id_is_no_others_until_the_process_is_reaped() -> None:
    process = shell.start(("true",), env=shell.PLAIN_ENVIRONMENT)
    with shell.output_of(process):
        assert shell.ended(process, 10)
        assert process.pid in proc.pids()
        assert shell.reap(process) == 0
        assert shell.ended(process, 0)


def test_a_command_on_our_own_streams_tells_how_it_ended() -> None:
    env = shell.PLAIN_ENVIRONMENT
    assert shell.attach(("sh", "-c", "exit 3"), env=env) == 3
    assert shell.attach(("sh", "-c", "kill -9 $$"), env=env) == 128 + 9
    with pytest.raises(TimeoutError):
        shell.attach(("sleep", "600"), env=env, limit_s=0.1)
    assert shell.read(("sh", "-c", "cat; exit 4"), env=env, given=b"x") == (4, b"x")
    assert shell.pipe(("sh", "-c", "echo x; exit 5"), ("grep", "-q", "x"), env=env) == (5, 0)


def test_what_goes_on_by_itself_is_looked_at_for_a_moment() -> None:
    env = shell.PLAIN_ENVIRONMENT
    assert shell.launch(("true",), env=env, settle_s=10)
    assert not shell.launch(("false",), env=env, settle_s=10)
    assert not shell.launch(("no-such-program",), env=env, settle_s=10)


def test_what_is_told_of_a_process_needs_a_pipe() -> None:
    process = shell.start(("true",), env=shell.PLAIN_ENVIRONMENT, output=subprocess.DEVNULL)
    with pytest.raises(TypeError):
        shell.output_of(process)
    assert process.wait() == 0

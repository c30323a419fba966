"""What a push may cost and leave behind: memory, size, quarantines of killed pushes; and the
HTTP half by byte streams."""

import io
import os
import signal
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest
from dulwich.protocol import pkt_line, pkt_seq

from receiver.machine import git
from receiver.model.errors import EXIT_CODES
from receiver.push import receive_pack, upload_pack
from receiver.push import wire as push_wire
from receiver.push.limits import Limits
from tests.embedded.receive_laptop import HOOKS, Laptop, wait_until
from tests.embedded.receive_sides import (
    ABSENT,
    DRIVER,
    Scratch,
    commands,
    leftovers,
    objects,
    parse_answer,
)

pytestmark = pytest.mark.embedded

MAIN = "refs/heads/main"
MIB = 1 << 20
LIMITS = Limits(input_bytes=MIB)


def push_of(scratch: Scratch, content: bytes) -> tuple[str, bytes]:
    blob = scratch.store("blob", content)
    tree = scratch.tree((b"100644", b"file", blob))
    commit = scratch.commit(tree)
    return commit, commands((ABSENT, commit, MAIN)) + scratch.pack(blob, tree, commit)


@pytest.fixture
def stalled(repo: Path, scratch: Scratch) -> Iterator[subprocess.Popen[bytes]]:
    """A push that has sent half its pack, and waits."""
    _, stream = push_of(scratch, os.urandom(MIB))
    argv = (sys.executable, DRIVER, "host", f"git-receive-pack '{repo}'")
    push = subprocess.Popen(
        argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert push.stdin
    assert push.stdout
    with push, push.stdin, push.stdout:
        push.stdin.write(stream[: len(stream) // 2])
        push.stdin.flush()
        wait_until(lambda: any("pack/tmp_pack" in name for name in leftovers(repo)))
        yield push
        push.kill()


def test_ended_push_clears_its_quarantine_away(
    stalled: subprocess.Popen[bytes], repo: Path
) -> None:
    stalled.send_signal(signal.SIGTERM)
    assert stalled.wait(20) == 128 + signal.SIGTERM
    assert not leftovers(repo)
    assert not objects(repo)


def test_killed_push_is_cleared_away_by_the_next_and_a_running_one_is_not(
    stalled: subprocess.Popen[bytes], repo: Path, scratch: Scratch
) -> None:
    ours = receive_pack.Push(repo, None, {}, LIMITS)
    commit, stream = push_of(scratch, b"small\n")
    receive_pack.serve_rpc(ours, io.BytesIO(stream), lambda _: None)
    assert git.refs(repo) == [(MAIN, commit)]
    assert leftovers(repo), "the other push still runs"
    stalled.kill()
    stalled.wait(20)
    again = commands((commit, ABSENT, MAIN))
    receive_pack.serve_rpc(ours, io.BytesIO(again), lambda _: None)
    assert not leftovers(repo)


# A process starts with the peak of the one it was forked from; so a small one forks, and looks at
# its children.
PEAK_OF_CHILDREN = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


class Stream:
    """A request body that is made while it is read, and knows how far it was."""

    def __init__(self, start: bytes, filler_bytes: int) -> None:
        self._start = start
        self.left_bytes = filler_bytes

    def read(self, size: int, /) -> bytes:
        if self._start:
            data, self._start = self._start[:size], self._start[size:]
            return data
        data = bytes(min(size, self.left_bytes))
        self.left_bytes -= len(data)
        return data


def test_body_is_read_to_its_end_and_never_held(repo: Path) -> None:
    """A client that still sends does not hear a refusal: nginx and git would call it a broken
    pipe."""
    body = Stream(commands((ABSENT, "1" * 40, MAIN)) + b"no pack at all", 200 * MIB)
    answer = bytearray()
    tracemalloc.start()
    receive_pack.serve_rpc(receive_pack.Push(repo, None, {}, LIMITS), body, answer.extend)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert body.left_bytes == 0
    assert peak_bytes < 2 * MIB
    assert parse_report(bytes(answer))[1] == f"ng {MAIN} unpacker error"


def test_pack_bomb_stays_small_in_memory(repo: Path, scratch: Scratch) -> None:
    """A blob of 200 MiB that is 200 KiB on the way."""
    commit, stream = push_of(scratch, bytes(200 * MIB))
    assert len(stream) < MIB
    argv = (sys.executable, DRIVER, "host", f"git-receive-pack '{repo}'")
    done = subprocess.run(
        (sys.executable, "-c", PEAK_OF_CHILDREN, *argv),
        input=stream,
        capture_output=True,
        check=True,
    )
    assert git.refs(repo) == [(MAIN, commit)]
    assert int(done.stdout) * 1024 < 80 * MIB


def parse_report(answer: bytes) -> list[str]:
    """Split an answer that has no advertisement before it."""
    return parse_answer(b"0000" + answer)[0]


class TestHttp:
    def push(self, repo: Path, hooks: Path | None = None, **environment: str) -> receive_pack.Push:
        return receive_pack.Push(repo, hooks, environment, LIMITS)

    def test_advertisement_names_the_service_the_refs_and_what_we_can(
        self, repo: Path, scratch: Scratch
    ) -> None:
        commit, stream = push_of(scratch, b"x\n")
        receive_pack.serve_rpc(self.push(repo), io.BytesIO(stream), lambda _: None)
        subprocess.run(git.command(repo, "update-ref", "refs/ship/hidden", commit), check=True)
        answer = bytearray()
        receive_pack.advertise(self.push(repo), answer.extend)
        preface, _, rest = bytes(answer).partition(b"0000")
        assert preface == pkt_line(b"# service=git-receive-pack\n")
        line, _, capabilities = rest.partition(b"\0")
        assert line.endswith(f"{commit} {MAIN}".encode())
        assert b"hidden" not in rest
        wanted = {b"report-status", b"side-band-64k", b"push-options", b"atomic", b"delete-refs"}
        assert wanted <= set(capabilities.split())

    def test_push_is_deployed_and_reported(self, tmp_path: Path) -> None:
        laptop = Laptop.make(tmp_path)
        (oid,) = [laptop.commit()]
        packed = subprocess.run(
            ("git", "-C", laptop.checkout, "pack-objects", "--stdout", "-q", "--revs"),
            input=b"main\n",
            capture_output=True,
            check=True,
        ).stdout
        shown = {k: v for k, v in laptop.environment.items() if k.startswith("SHIP_")}
        push = self.push(laptop.repo, HOOKS, **shown, SHIP_TEST_STATUS="6")
        answer = bytearray()
        body = io.BytesIO(commands((ABSENT, oid, MAIN)) + packed)
        receive_pack.serve_rpc(push, body, answer.extend)
        report, told = parse_answer(b"0000" + bytes(answer))
        assert report == ["unpack ok", f"ng {MAIN} check failed"]
        assert "-----> Deploying\n       app.py\n" in told
        assert laptop.server_refs() == {}

    def test_client_that_has_gone_is_no_error(self, repo: Path, scratch: Scratch) -> None:
        def gone(_: bytes) -> None:
            raise BrokenPipeError

        commit, stream = push_of(scratch, b"x\n")
        receive_pack.serve_rpc(self.push(repo), io.BytesIO(stream), gone)
        assert git.refs(repo) == [(MAIN, commit)]

    def test_nonsense_is_an_error_before_the_answer(self, repo: Path) -> None:
        answer = bytearray()
        with pytest.raises(push_wire.ProtocolError):
            receive_pack.serve_rpc(self.push(repo), io.BytesIO(b"GET / HTTP/1.1"), answer.extend)
        assert not answer

    def test_missing_hook_refuses(self, repo: Path, scratch: Scratch, tmp_path: Path) -> None:
        _, stream = push_of(scratch, b"x\n")
        answer = bytearray()
        receive_pack.serve_rpc(
            self.push(repo, tmp_path / "none"), io.BytesIO(stream), answer.extend
        )
        report, told = parse_answer(b"0000" + bytes(answer))
        assert report == ["unpack ok", f"ng {MAIN} server error"]
        assert "The hook pre-receive could not be started" in told
        assert git.refs(repo) == []

    def test_fetch(self, repo: Path, scratch: Scratch) -> None:
        commit, stream = push_of(scratch, b"x\n")
        receive_pack.serve_rpc(self.push(repo), io.BytesIO(stream), lambda _: None)
        refs = bytearray()
        upload_pack.advertise(repo, refs.extend)
        assert f"{commit} HEAD".encode() in refs
        wants = pkt_seq(f"want {commit} no-progress ofs-delta\n".encode()) + pkt_line(b"done\n")
        answer = bytearray()
        upload_pack.serve_rpc(repo, io.BytesIO(wants), answer.extend)
        assert bytes(answer).startswith(pkt_line(b"NAK\n") + b"PACK")


class TestSilence:
    """Over ssh. Silence counts where we wait, and the whole time never does."""

    def start(self, repo: Path, service: str = "git-receive-pack") -> subprocess.Popen[bytes]:
        argv = (sys.executable, DRIVER, "host", f"{service} '{repo}'")
        env = {**git.environment(), "SHIP_TEST_QUIET_S": "1"}
        return subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env
        )

    @pytest.mark.parametrize(
        "said", [b"00", b"0094" + b"1" * 40, pkt_line(b"shallow " + b"1" * 40)]
    )
    def test_half_a_request_is_let_go(self, said: bytes, repo: Path) -> None:
        with self.start(repo) as push:
            assert push.stdin
            push.stdin.write(said)
            push.stdin.flush()
            assert push.wait(20) == EXIT_CODES["git"]
            assert push.stderr
            assert b"(git/silent)" in push.stderr.read()

    def test_half_a_pack_is_let_go_in_words(self, repo: Path, scratch: Scratch) -> None:
        _, stream = push_of(scratch, os.urandom(MIB))
        with self.start(repo) as push:
            assert push.stdin
            push.stdin.write(stream[: len(stream) // 2])
            push.stdin.flush()
            assert push.wait(30) == 0
            assert push.stdout
            report, told = parse_answer(push.stdout.read())
        assert "The client sent nothing for 1 s." in told
        assert report[1].startswith(f"ng {MAIN} ")
        assert not leftovers(repo)

    def test_half_a_fetch_is_let_go(self, repo: Path) -> None:
        with self.start(repo, "git-upload-pack") as fetch:
            assert fetch.stdin
            fetch.stdin.write(b"0032want")
            fetch.stdin.flush()
            assert fetch.wait(20) != 0

    def test_a_slow_client_goes_on(self, repo: Path, scratch: Scratch) -> None:
        """It takes longer than any limit of silence, here 1 s, and is never silent that long."""
        commit, stream = push_of(scratch, os.urandom(1000))
        with self.start(repo) as push:
            assert push.stdin
            step = len(stream) // 12
            for at in range(0, len(stream), step):
                push.stdin.write(stream[at : at + step])
                push.stdin.flush()
                time.sleep(0.5)
            push.stdin.close()
            assert push.wait(20) == 0
        assert git.refs(repo) == [(MAIN, commit)]

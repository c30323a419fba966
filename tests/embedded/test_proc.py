"""What the reader of /proc says of real processes, sockets and locks."""

import fcntl
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from receiver.machine import lifetimes, proc, sockets
from tests.embedded.embedded_server import wait_until
from tests.needs import require_program

pytestmark = pytest.mark.embedded
_SLEEP = ("sleep", "600")
_MIB = 1024 * 1024


@contextmanager
def running(*argv: str | Path, **options: object) -> Iterator[int]:
    """A process of ours, in a session of its own that ends afterwards."""
    process = subprocess.Popen(argv, start_new_session=True, **options)  # type: ignore[call-overload]
    try:
        yield process.pid
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@contextmanager
def python(code: str) -> Iterator[int]:
    """A Python that has run this code and goes on."""
    code = f"{code}\nprint(flush=True)\nimport time\ntime.sleep(600)"
    argv = (sys.executable, "-c", code)
    process = subprocess.Popen(argv, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        process.stdout.readline()
        yield process.pid
    finally:
        process.kill()
        process.communicate()


def a_pid_of_nobody() -> int:
    process = subprocess.Popen(("true",))
    process.wait()
    return process.pid


def test_children_of_every_thread_are_found() -> None:
    made: list[subprocess.Popen[bytes]] = []
    over = threading.Event()

    def make() -> None:
        made.append(subprocess.Popen(_SLEEP))
        over.wait()  # children of a thread that has ended are another's

    thread = threading.Thread(target=make)
    thread.start()
    try:
        wait_until(lambda: bool(made))
        with running(*_SLEEP) as own:
            assert {own, made[0].pid} <= proc.children(os.getpid())
        assert own not in proc.children(os.getpid())
    finally:
        over.set()
        thread.join()
        made[0].kill()
        made[0].wait()


def test_a_session_is_found_without_its_leader_too() -> None:
    with running("sh", "-c", "sleep 600 & setsid sleep 600 & wait") as leader:
        wait_until(lambda: len({os.getsid(child) for child in proc.children(leader)}) == 2)
        (inside,) = (child for child in proc.children(leader) if os.getsid(child) == leader)
        (elsewhere,) = proc.children(leader) - {inside}
        try:
            assert set(proc.session(leader)) == {leader, inside}
            os.kill(leader, signal.SIGKILL)
            os.waitpid(leader, 0)
            assert proc.session(leader) == (inside,)
        finally:
            os.kill(elsewhere, signal.SIGKILL)


def test_a_process_tells_its_name_arguments_and_variables(tmp_path: Path) -> None:
    strange = tmp_path / "a) S (b"
    shutil.copy(require_program("sleep"), strange)
    with running(strange, "600", env={"A": "1", "B": "x=y"}) as pid:
        wait_until(lambda: proc.name(pid) == strange.name)
        assert proc.command_line(pid) == b"\0".join((bytes(strange), b"600", b""))
        assert {b"A=1", b"B=x=y"} <= set(proc.environment(pid))
        assert proc.environment(pid, most_bytes=3) == [b"A=1"]
        found = proc.stat(pid)
        assert found is not None
        assert found.state in "SRD"


def test_what_it_holds_is_what_ps_says() -> None:
    ps = require_program("ps")
    with running(*_SLEEP) as pid:
        wait_until(lambda: proc.name(pid) == "sleep")
        said = subprocess.check_output((ps, "-o", "ppid=,uid=,rss=", "-p", str(pid)), text=True)
        parent, uid, kib = map(int, said.split())
        found = proc.status(pid)
        assert found is not None
        assert (found.parent, found.uid) == (parent, uid)
        assert found.resident_bytes == kib * 1024 <= found.most_resident_bytes
        assert 0 < (proc.memory_bytes(pid) or 0) <= found.resident_bytes


def test_memory_is_shared_out_and_its_peak_stays() -> None:
    with python(f"held = bytearray(b'x') * (40 * {_MIB}); del held") as little:
        with python(f"held = bytearray(b'x') * (40 * {_MIB})") as much:
            assert (proc.memory_bytes(much) or 0) > (proc.memory_bytes(little) or 0) + 30 * _MIB
        found = proc.status(little)
        assert found is not None
        assert found.most_resident_bytes > found.resident_bytes + 30 * _MIB


def test_when_it_began_is_told_by_the_clock() -> None:
    before = time.time()
    with running(*_SLEEP) as pid:
        began_at = proc.began_at(pid)
        assert began_at is not None
        assert before - 2 < began_at < time.time() + 2  # the kernel tells its boot in whole seconds


def test_one_that_has_ended_runs_no_more_before_it_is_fetched() -> None:
    process = subprocess.Popen(("cat",), stdin=subprocess.PIPE)
    born = lifetimes.birth(process.pid)
    assert born.startswith(proc.boot_id())
    assert lifetimes.runs(process.pid)
    assert lifetimes.lives(process.pid, born)
    assert not lifetimes.lives(process.pid, born + "1")
    assert process.stdin is not None
    process.stdin.close()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    found = proc.stat(process.pid)
    assert found is not None
    assert found.state == "Z"
    assert not lifetimes.runs(process.pid)
    assert not lifetimes.lives(process.pid, born)
    process.wait()
    assert proc.stat(process.pid) is None


def test_of_a_process_that_is_not_there_nothing_is_told() -> None:
    pid = a_pid_of_nobody()
    assert pid not in proc.pids()
    assert not proc.children(pid)
    assert not proc.sockets(pid)
    assert proc.name(pid) == lifetimes.birth(pid) == ""
    assert proc.command_line(pid) == b""
    assert proc.environment(pid) == [b""]
    assert proc.stat(pid) is None
    assert proc.status(pid) is None
    assert proc.began_at(pid) is None
    assert proc.memory_bytes(pid) is None
    assert proc.control_groups(pid) == []
    assert proc.session(pid) == ()


def test_a_child_is_in_the_control_groups_of_its_parent() -> None:
    with running(*_SLEEP) as pid:
        assert proc.control_groups(pid) == proc.control_groups(os.getpid()) != []


@pytest.mark.parametrize(
    ("family", "address", "is_open"),
    [
        (socket.AF_INET, "127.0.0.1", False),
        (socket.AF_INET, "127.8.8.8", False),
        (socket.AF_INET, "0.0.0.0", True),
        (socket.AF_INET6, "::1", False),
        (socket.AF_INET6, "::ffff:127.0.0.1", False),
        (socket.AF_INET6, "::", True),
    ],
)
def test_ports_and_who_listens_on_them(family: int, address: str, *, is_open: bool) -> None:
    if family == socket.AF_INET6 and not proc.has_ipv6():
        pytest.skip("this machine has no IPv6")
    me = os.getpid()
    with socket.socket(family) as listener:
        listener.bind((address, 0))
        port = listener.getsockname()[1]
        assert port not in sockets.listening_ports([me])  # it is bound, and does not listen
        listener.listen()
        assert port in sockets.listening_ports([me])
        assert (port in sockets.open_ports([me])) is is_open
        assert sockets.port_holder(port) == f"{proc.name(me)} (process {me})"
        assert sockets.listening_ports([]) == ()
    assert sockets.port_holder(port) is None


@pytest.mark.parametrize(
    ("family", "address", "reached"),
    [
        (socket.AF_INET, "127.0.0.1", True),
        (socket.AF_INET, "0.0.0.0", True),
        (socket.AF_INET6, "::", True),
        (socket.AF_INET6, "::ffff:127.0.0.1", True),
        (socket.AF_INET, "127.8.8.8", False),
        (socket.AF_INET6, "::1", False),
    ],
)
def test_who_answers_at_a_port(family: int, address: str, *, reached: bool) -> None:
    if family == socket.AF_INET6 and not proc.has_ipv6():
        pytest.skip("this machine has no IPv6")
    me = os.getpid()
    with socket.socket(family) as listener:
        listener.bind((address, 0))
        listener.listen()
        port = listener.getsockname()[1]
        assert sockets.is_answered_by(port, [me]) is reached
        assert not sockets.is_answered_by(port, [os.getppid()])
        assert sockets.is_listened_on(port)
    assert not sockets.is_answered_by(port, [me])
    assert not sockets.is_listened_on(port)


def test_of_two_who_listen_on_a_port_the_nearer_one_answers() -> None:
    if not proc.has_ipv6():
        pytest.skip("this machine has no IPv6")
    with socket.socket(socket.AF_INET6) as far, socket.socket() as near:
        far.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        far.bind(("::", 0))
        far.listen()
        near.bind(("127.0.0.1", far.getsockname()[1]))
        near.listen()
        sleeper = subprocess.Popen(("sleep", "1000"), pass_fds=(near.fileno(),))
        near.close()
        try:
            port = far.getsockname()[1]
            assert sockets.is_answered_by(port, [sleeper.pid])
            assert not sockets.is_answered_by(port, [os.getpid()])
        finally:
            sleeper.kill()
            sleeper.wait()


def test_paths_of_unix_sockets(tmp_path: Path) -> None:
    path = tmp_path / "a b.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        assert str(path) not in sockets.listening_paths([os.getpid()])
        listener.listen()
        assert str(path) in sockets.listening_paths([os.getpid()])


def test_who_holds_a_lock_is_told_from_who_waits_for_it(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with path.open("w") as lock:
        inode = path.stat().st_ino
        assert inode not in proc.locked_inodes()
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert inode in proc.locked_inodes()
        with running(require_program("flock"), path, "true"):
            fcntl.flock(lock, fcntl.LOCK_UN)
            wait_until(lambda: inode not in proc.locked_inodes())


def test_the_machine_has_the_memory_that_free_says() -> None:
    said = subprocess.check_output((require_program("free"), "-b"), text=True).splitlines()
    memory, swap = ([int(word) for word in line.split()[1:]] for line in said[1:3])
    found = proc.machine_memory()
    assert (found.total, found.swap_total) == (memory[0], swap[0])
    assert 0 < found.available < found.total

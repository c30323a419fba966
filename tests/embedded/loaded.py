"""A process that has loaded ship and its gate, and forks for each command that a test types.

A `ship` of its own spends four fifths of a short command on its start, and the embedded ring
types thousands. What runs here is the program from its `main` on, in a process of its own, with
the words, environment, folder and files that were asked for. The start itself is tried by all
that a shell, git, sshd or the machine ring starts.
"""

import atexit
import gc
import importlib
import os
import pickle
import pkgutil
import select
import signal
import socket
import subprocess
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import NoReturn

from receiver.cli import commands
from receiver.cli.main import main as ship
from receiver.push import programs
from receiver.push.gate import main as gate

_ENTRIES = {programs.path_of("ship"): ship, programs.path_of("ship-gate"): gate}
_execute = os.execvp
_MOST_BYTES = 100_000
"""What fits into one message to the forker."""
_INTEGER_BYTES = 4
_STATUS_FILE = 3


def can(argv: Sequence[str], environment: Mapping[str, str]) -> bool:
    """Whether it is the same as a start: nothing is set that an interpreter reads at its start."""
    size = sum(map(len, (*argv, *environment, *environment.values())))
    read_at_start = [name for name in environment if name.startswith(("PYTHON", "LANG"))]
    return argv[0] in _ENTRIES and size < _MOST_BYTES and not read_at_start


def run(
    argv: Sequence[str],
    environment: Mapping[str, str],
    folder: Path,
    files: Sequence[int],
    limit_s: float,
) -> int:
    """Have `argv` done, with `files` as its input, output and errors; its exit status.

    Raises:
        subprocess.TimeoutExpired: It did not end within `limit_s`, and was killed.
    """
    answer, told = os.pipe()
    with os.fdopen(answer, "rb", buffering=0) as ended:
        asked = pickle.dumps((list(argv), dict(environment), str(folder)))
        connection, _ = _forker()
        socket.send_fds(connection, [asked], [*files, told])
        os.close(told)
        pid = _integer(ended.read(_INTEGER_BYTES))
        if not select.select([ended], [], [], limit_s)[0]:
            os.kill(pid, signal.SIGKILL)
            raise subprocess.TimeoutExpired(argv, limit_s)
        return _integer(ended.read(_INTEGER_BYTES))


@cache
def _forker() -> "tuple[socket.socket, subprocess.Popen[bytes]]":
    """The process that forks, and the connection to it, by whose end it ends."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        process = subprocess.Popen(
            (sys.executable, "-m", __name__, str(theirs.fileno())),
            cwd=Path(__file__).parents[2],
            env={"PATH": os.environ["PATH"]},
            stdin=subprocess.DEVNULL,
            pass_fds=(theirs.fileno(),),
        )
    return ours, process


def end() -> None:
    """End the process that forks, where there is one."""
    if _forker.cache_info().currsize:
        connection, process = _forker()
        connection.close()
        process.wait()
        _forker.cache_clear()


def _integer(read: bytes) -> int:
    return int.from_bytes(read, "little", signed=True)


def _bytes(number: int) -> bytes:
    return number.to_bytes(_INTEGER_BYTES, "little", signed=True)


def _serve(connection: socket.socket) -> None:
    for module in pkgutil.iter_modules(commands.__path__):
        importlib.import_module(f"{commands.__name__}.{module.name}")
    os.execvp = _become  # type: ignore[assignment]
    gc.freeze()  # what is loaded stays shared with the processes that are forked
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        asked, files, _, _ = socket.recv_fds(connection, _MOST_BYTES * 2, _STATUS_FILE + 1)
        if not asked:
            return
        if not os.fork():
            connection.close()
            _look_after(pickle.loads(asked), files)
        for file in files:
            os.close(file)


def _look_after(asked: tuple[list[str], dict[str, str], str], files: list[int]) -> NoReturn:
    """Fork the command, and tell when and how it ended."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    *streams, told = files
    pid = os.fork()
    if not pid:
        os.close(told)
        _be(*asked, streams)
    for file in streams:
        os.close(file)
    os.write(told, _bytes(pid))
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    with suppress(BrokenPipeError):  # nobody waits any more
        os.write(told, _bytes(status))
    os._exit(0)


def _be(argv: list[str], environment: dict[str, str], folder: str, streams: list[int]) -> NoReturn:
    for number, file in enumerate(streams):
        os.dup2(file, number)
        os.close(file)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    _become(argv[0], argv)


def _become(program: str, argv: Sequence[str]) -> NoReturn:
    """Go on as another program; as `ship`, without its start."""
    if program not in _ENTRIES:
        _execute(program, list(argv))
    sys.argv = list(argv)
    os._exit(_status(_ENTRIES[program]))


def _status(main: Callable[[], int]) -> int:
    """Go through a program's `main`, and end as an interpreter does."""
    try:
        sys.exit(main())
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001 - told as an interpreter would tell it
        traceback.print_exc()
        status = 1
    atexit._run_exitfuncs()
    with suppress(OSError, ValueError):
        sys.stdout.flush()
        sys.stderr.flush()
    return status


if __name__ == "__main__":
    _serve(socket.socket(fileno=int(sys.argv[1])))

"""The one doorway to outside programs: argv tuples, an explicit environment, a time limit.

`sh` runs the administrator's short commands (accounts, git set-up, `nginx -t`); it is imported when
first used, because that costs as much as starting Python four times. What lies on the way of every
push goes through subprocess.
"""

import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from receiver.model.errors import ServerError

ADMIN_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
PLAIN_ENVIRONMENT: Mapping[str, str] = {"PATH": ADMIN_PATH, "LANG": "C.UTF-8"}
_ADMIN_LIMIT_S = 60
_KEPT_LINES = 20
_READ_BYTES = 65_536
Process = subprocess.Popen[bytes]
_TYPED = (signal.SIGINT, signal.SIGQUIT)
_SIGNALLED = 128
"""What a shell adds to the number of the signal that ended a command."""


class CommandError(ServerError):
    """An outside program failed; `status` is its exit status, `output` the end of what it said."""

    default_reason = "server/command-failed"

    def __init__(self, argv: Sequence[str], status: int, output: str) -> None:
        shown = " ".join(argv)
        super().__init__(
            f"The command `{shown}` failed with exit status {status}.",
            detail="\n".join(output.strip().splitlines()[-_KEPT_LINES:]),
        )
        self.status = status
        self.output = output


def admin(*argv: str, env: Mapping[str, str] = PLAIN_ENVIRONMENT, given: str | None = None) -> str:
    """Run a short administrator's command through `sh`; returns its standard output.

    Args:
        argv: program and arguments
        env: the whole environment of the command
        given: text for its standard input

    Raises:
        CommandError: it failed, is missing, or took longer than a minute
    """
    import sh  # noqa: PLC0415 - 100 ms, and most commands of ship never need it

    said: list[str] = []
    try:
        result = sh.Command(argv[0])(
            *argv[1:],
            _env=dict(env),
            _in=given,
            _tty_out=False,
            _timeout=_ADMIN_LIMIT_S,
            _err=said.append,
            _decode_errors="replace",
            _return_cmd=True,
        )
    except sh.CommandNotFound as error:
        raise CommandError(argv, 127, f"There is no program {argv[0]}.") from error
    except sh.TimeoutException as error:
        raise CommandError(argv, 124, f"It took longer than {_ADMIN_LIMIT_S} s.") from error
    except sh.ErrorReturnCode as error:
        output = error.stdout.decode(errors="replace") + "".join(said)
        raise CommandError(argv, error.exit_code, output) from error
    return str(result)


def capture(
    argv: Sequence[str],
    *,
    env: Mapping[str, str] = PLAIN_ENVIRONMENT,
    given: bytes | None = None,
    stdin: int = subprocess.DEVNULL,
    cwd: Path | None = None,
    limit_s: float = _ADMIN_LIMIT_S,
) -> bytes:
    """Run a command on the way of a push and return its standard output.

    Raises:
        CommandError: it failed, is missing, or took longer than `limit_s`
    """
    try:
        done = subprocess.run(
            argv,
            env=dict(env),
            input=given,
            cwd=cwd,
            timeout=limit_s,
            check=False,
            stdin=None if given is not None else stdin,
            capture_output=True,
        )
    except FileNotFoundError as error:
        raise CommandError(argv, 127, f"There is no program {argv[0]}.") from error
    except subprocess.TimeoutExpired as error:
        raise CommandError(argv, 124, f"It took longer than {limit_s:g} s.") from error
    if done.returncode:
        raise CommandError(
            argv, done.returncode, (done.stdout + done.stderr).decode(errors="replace")
        )
    return done.stdout


def start(  # noqa: PLR0913 - as subprocess has them
    argv: Sequence[str],
    *,
    env: Mapping[str, str],
    cwd: Path | None = None,
    stdin: int | None = None,
    output: int | None = None,
    new_session: bool = True,
    keeps: Sequence[int] = (),
) -> subprocess.Popen[bytes]:
    """Start a long command; both its streams go to file descriptor `output`, or to a pipe if None.

    It has the file descriptors of `keeps` too.
    """
    return subprocess.Popen(
        argv,
        env=dict(env),
        cwd=cwd,
        stdin=subprocess.DEVNULL if stdin is None else stdin,
        stdout=subprocess.PIPE if output is None else output,
        stderr=subprocess.STDOUT,
        start_new_session=new_session,
        pass_fds=keeps,
    )


def launch(argv: Sequence[str], *, env: Mapping[str, str], settle_s: float) -> bool:
    """Start a program that goes on by itself, with nobody to talk to; whether it has not failed
    by then.
    """
    if shutil.which(argv[0], path=env.get("PATH")) is None:
        return False
    program = subprocess.Popen(
        argv,
        env=dict(env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        return program.wait(settle_s) == 0
    except subprocess.TimeoutExpired:
        return True


def attach(
    argv: Sequence[str],
    *,
    env: Mapping[str, str],
    cwd: Path | None = None,
    limit_s: float | None = None,
) -> int:
    """Run a command with the caller's own stdin, stdout and stderr; returns its exit status.

    What is typed to interrupt reaches the command itself; the caller stays to report how it ended.

    Raises:
        subprocess.TimeoutExpired: it took longer than `limit_s`, and was ended
    """
    kept = {number: signal.signal(number, signal.SIG_IGN) for number in _TYPED}
    try:
        process = subprocess.Popen(argv, env=dict(env), cwd=cwd, preexec_fn=_hear_signals)  # noqa: PLW1509 - ship has no threads here
        try:
            status = process.wait(limit_s)
        except BaseException:
            _end_one(process)
            raise
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)
    return status if status >= 0 else _SIGNALLED - status


def read(
    argv: Sequence[str], *, env: Mapping[str, str], given: bytes | None = None
) -> tuple[int, bytes]:
    """Run a command on the caller's own stderr, and stdin unless it is given; returns its exit
    status and what it printed.

    Raises:
        CommandError: there is no such program
    """
    try:
        done = subprocess.run(argv, env=dict(env), stdout=subprocess.PIPE, input=given, check=False)
    except FileNotFoundError as error:
        raise CommandError(argv, 127, f"There is no program {argv[0]}.") from error
    return done.returncode, done.stdout


def pipe(first: Sequence[str], second: Sequence[str], *, env: Mapping[str, str]) -> tuple[int, int]:
    """Run two commands, the second reading what the first writes; the other ends are the
    caller's own.

    Raises:
        CommandError: there is no such program
    """
    argv = first
    try:
        source = subprocess.Popen(first, env=dict(env), stdout=subprocess.PIPE)
        argv = second
        done = subprocess.run(second, env=dict(env), stdin=source.stdout, check=False)
    except FileNotFoundError as error:
        raise CommandError(argv, 127, f"There is no program {argv[0]}.") from error
    if source.stdout is not None:
        source.stdout.close()  # so that the first one hears that nobody reads it any more
    return source.wait(), done.returncode


def _end_one(process: subprocess.Popen[bytes], *, grace_s: float = 5.0) -> None:
    """End a process that shares the caller's session: TERM, then KILL when `grace_s` has passed."""
    process.terminate()
    try:
        process.wait(grace_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _hear_signals() -> None:
    for number in _TYPED:
        signal.signal(number, signal.SIG_DFL)


def pump(process: subprocess.Popen[bytes], on_output: Callable[[bytes], object]) -> int:
    """Hand on what `process` writes, as it comes, until it ends; returns its exit status."""
    if process.stdout is None:
        return process.wait()
    while chunk := os.read(process.stdout.fileno(), _READ_BYTES):
        on_output(chunk)
    return process.wait()


def end(process: subprocess.Popen[bytes], *, grace_s: float = 5.0) -> None:
    """End a process of ours and its whole session: TERM, then KILL when `grace_s` has passed."""
    for sent in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, sent)
        except ProcessLookupError:
            break
        try:
            process.wait(grace_s)
            break
        except subprocess.TimeoutExpired:
            continue
    process.wait()

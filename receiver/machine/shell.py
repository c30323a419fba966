"""The one doorway to outside programs: argv tuples, an explicit environment, a time limit.

- `capture` runs to the end and returns what was printed; `run` is for where the exit status is an
  answer too.
- `start` begins what goes on for long; `stream` is for where its streams, account and memory
  matter. Then come `pump`, `ended`, `reap` and `end`.
- `attach`, `read` and `pipe` have the caller's own streams, `launch` has none.

`admin` is for an administrator's short commands, such as those that make accounts. They go through
`sh`, which is imported when first used: that costs as much as starting Python four times, and each
command takes it 5 to 9 ms. What lies on the way of every push goes through subprocess, in 1 to 2.
"""

import os
import resource
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Literal, NamedTuple

from receiver.model.errors import ServerError

ADMIN_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
PLAIN_ENVIRONMENT: Mapping[str, str] = {"PATH": ADMIN_PATH, "LANG": "C.UTF-8"}
NOTHING = subprocess.DEVNULL
"""In place of a file descriptor."""
MISSING = 127
"""The exit status that stands for a program that is not there, as a shell has it."""
Process = subprocess.Popen[bytes]
Account = tuple[int, int]
"""User and group that a program runs as, with no other groups."""
_TOO_LONG = 124
_ADMIN_LIMIT_S = 60
_KEPT_LINES = 20
_READ_BYTES = 65_536
_STDERR = 2
_LAST_WORDS_S = 1.0
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
        raise _missing(argv) from error
    except sh.TimeoutException as error:
        raise _too_long(argv, _ADMIN_LIMIT_S) from error
    except sh.ErrorReturnCode as error:
        output = error.stdout.decode(errors="replace") + "".join(said)
        raise CommandError(argv, error.exit_code, output) from error
    return str(result)


def capture(
    argv: Sequence[str],
    *,
    env: Mapping[str, str] = PLAIN_ENVIRONMENT,
    given: bytes | int = NOTHING,
    cwd: Path | None = None,
    limit_s: float = _ADMIN_LIMIT_S,
) -> bytes:
    """Run a command and return its standard output.

    Args:
        argv: program and arguments
        env: the whole environment of the command
        given: its standard input, or a file descriptor to read that from
        cwd: the folder where it runs; the caller's own if None
        limit_s: how long it may take

    Raises:
        CommandError: it failed, is missing, or took longer than `limit_s`
    """
    done = run(argv, env=env, given=given, cwd=cwd, limit_s=limit_s)
    if done.status:
        raise CommandError(argv, done.status, (done.output + done.errors).decode(errors="replace"))
    return done.output


class Finished(NamedTuple):
    """How a command ended, and what it wrote."""

    status: int
    output: bytes
    errors: bytes


def run(
    argv: Sequence[str],
    *,
    env: Mapping[str, str] = PLAIN_ENVIRONMENT,
    given: bytes | int = NOTHING,
    cwd: Path | None = None,
    limit_s: float = _ADMIN_LIMIT_S,
    account: Account | None = None,
) -> Finished:
    """The same with any exit status, and as another account where one is given.

    Raises:
        CommandError: it is missing, or took longer than `limit_s`
    """
    text, source = (given, None) if isinstance(given, bytes) else (None, given)
    user, group = account or (None, None)
    try:
        done = subprocess.run(
            argv,
            env=dict(env),
            input=text,
            stdin=source,
            cwd=cwd,
            timeout=limit_s,
            check=False,
            capture_output=True,
            user=user,
            group=group,
            extra_groups=None if account is None else (),
        )
    except FileNotFoundError as error:
        raise _missing(argv) from error
    except subprocess.TimeoutExpired as error:
        raise _too_long(argv, limit_s) from error
    return Finished(done.returncode, done.stdout, done.stderr)


def start(
    argv: Sequence[str],
    *,
    env: Mapping[str, str],
    cwd: Path | None = None,
    stdin: int | None = None,
    output: int | None = None,
    keeps: Sequence[int] = (),
) -> Process:
    """Start a long command in a session of its own; both its streams go to `output`, or to a pipe.

    It has the file descriptors of `keeps` too.
    """
    return subprocess.Popen(
        argv,
        env=dict(env),
        cwd=cwd,
        stdin=NOTHING if stdin is None else stdin,
        stdout=subprocess.PIPE if output is None else output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        pass_fds=keeps,
    )


class Program(NamedTuple):
    """What to run, where, as whom, and with which whole environment."""

    argv: Sequence[str]
    environment: Mapping[str, str]
    cwd: Path
    shows: Literal["all", "output", "errors"] = "all"
    """Which of its streams are of interest."""
    memory_bytes: int | None = None
    """Limit of what it may allocate; files that it maps do not count."""
    account: Account | None = None


def stream(
    program: Program, *, stdin: int | IO[bytes] = NOTHING, outlives_us: bool = False
) -> Process:
    """Start a program whose output is read as it comes, from the pipe that `output_of` gives.

    One that outlives us gets a session of its own: what ends us does not end it.
    """
    shows, (user, group) = program.shows, program.account or (None, None)
    limit = program.memory_bytes
    # of a process of another account, not every root may change limits: it does so itself
    own = ("/usr/bin/prlimit", f"--data={limit}", "--") if limit and program.account else ()
    process = subprocess.Popen(
        (*own, *program.argv),
        env=dict(program.environment),
        cwd=program.cwd,
        stdin=stdin,
        stdout=NOTHING if shows == "errors" else subprocess.PIPE,
        stderr={"all": subprocess.STDOUT, "output": NOTHING, "errors": subprocess.PIPE}[shows],
        start_new_session=outlives_us,
        user=user,
        group=group,
        extra_groups=None if program.account is None else (),
    )
    if limit is not None and not own:
        resource.prlimit(process.pid, resource.RLIMIT_DATA, (limit, limit))
    return process


def beside(argv: Sequence[str], *, env: Mapping[str, str]) -> Process:
    """Start a program on the caller's own streams; the caller stays to watch it."""
    return subprocess.Popen(argv, env=dict(env))


def output_of(process: Process) -> IO[bytes]:
    """The pipe that the output of a process comes through."""
    pipe = process.stdout or process.stderr
    if pipe is None:
        raise TypeError(process)
    return pipe


def launch(argv: Sequence[str], *, env: Mapping[str, str], settle_s: float) -> bool:
    """Start a program that goes on by itself, with nobody to talk to; whether it has not failed
    by then.
    """
    from shutil import which  # noqa: PLC0415 - slow, and few programs are started so

    if which(argv[0], path=env.get("PATH")) is None:
        return False
    program = subprocess.Popen(
        argv, env=dict(env), stdin=NOTHING, stdout=NOTHING, stderr=NOTHING, start_new_session=True
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
    stdin: IO[bytes] | None = None,
    on_errors: Callable[[bytes], object] | None = None,
) -> int:
    """Run a command with the caller's own stdin, stdout and stderr; returns its exit status.

    `stdin` is what it reads in place of the caller's own. `on_errors` is told what it writes to
    stderr, which passes by here then and is no terminal to it.

    What is typed to interrupt reaches the command itself; the caller stays to report how it ended.

    Raises:
        TimeoutError: it took longer than `limit_s`, and was ended
    """
    kept = {number: signal.signal(number, signal.SIG_IGN) for number in _TYPED}
    try:
        process = subprocess.Popen(
            argv,
            env=dict(env),
            cwd=cwd,
            stdin=stdin,
            stderr=None if on_errors is None else subprocess.PIPE,
            preexec_fn=_hear_signals,  # noqa: PLW1509 - ship has no threads here yet
        )
        try:
            with _passed_on(process, on_errors):
                status = process.wait(limit_s)
        except subprocess.TimeoutExpired as error:
            _end_one(process)
            raise TimeoutError(str(error)) from error
        except BaseException:
            _end_one(process)
            raise
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)
    return status if status >= 0 else _SIGNALLED - status


@contextmanager
def _passed_on(
    process: "subprocess.Popen[bytes]", also: Callable[[bytes], object] | None
) -> Iterator[None]:
    """Hand the process's stderr on to our own, as long as it runs."""
    source = process.stderr
    if source is None or also is None:
        yield
        return
    copier = threading.Thread(target=_copy, args=(source.fileno(), also), daemon=True)
    copier.start()
    try:
        yield
    finally:
        copier.join(_LAST_WORDS_S)  # what it left in the background may hold the pipe


def _copy(source: int, also: Callable[[bytes], object]) -> None:
    with suppress(OSError):  # nobody reads our own
        while chunk := os.read(source, _READ_BYTES):
            also(chunk)
            os.write(_STDERR, chunk)


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
        raise _missing(argv) from error
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
        raise _missing(argv) from error
    if source.stdout is not None:
        source.stdout.close()  # so that the first one hears that nobody reads it any more
    return source.wait(), done.returncode


def pump(process: Process, on_output: Callable[[bytes], object]) -> int:
    """Hand on what `process` writes, as it comes, until it ends; returns its exit status."""
    with output_of(process) as pipe:
        while chunk := os.read(pipe.fileno(), _READ_BYTES):
            on_output(chunk)
    return process.wait()


def ended(process: Process, limit_s: float) -> bool:
    """Whether a process of ours ends within so many seconds.

    Its id is no other's before it is reaped.
    """
    from receiver.machine import lifetimes  # noqa: PLC0415 - a fetch or push over ssh does not wait

    return process.returncode is not None or lifetimes.ends_within(process.pid, limit_s)


def reap(process: Process) -> int:
    """The exit status of a process of ours; what it left behind in its session ends first."""
    if process.returncode is None:
        _signal_session(process, signal.SIGKILL)
    return process.wait()


def end(process: Process, *, grace_s: float = 5.0) -> int:
    """End a process of ours and its whole session.

    TERM comes first; KILL when it has ended or `grace_s` has passed.
    """
    if process.returncode is None:
        _signal_session(process, signal.SIGTERM)
        ended(process, grace_s)
    return reap(process)


def _signal_session(process: Process, sent: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, sent)


def _end_one(process: Process, *, grace_s: float = 5.0) -> None:
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


def _missing(argv: Sequence[str]) -> CommandError:
    return CommandError(argv, MISSING, f"There is no program {argv[0]}.")


def _too_long(argv: Sequence[str], limit_s: float) -> CommandError:
    return CommandError(argv, _TOO_LONG, f"It took longer than {limit_s:g} s.")

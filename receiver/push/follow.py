"""Runs one program while a client waits: feeds it, and hands its output on as it comes."""

import os
import select
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import IO, NamedTuple

from receiver.machine import files, shell
from receiver.machine.shell import Process, Program
from receiver.model.errors import ShipError
from receiver.push.patience import Patience
from receiver.push.wire import Readable

SILENCE_S = 2
"""After so much silence the client gets a sign of life, and we look whether the program still
runs."""

CHUNK_BYTES = 60_000


class Viewer(NamedTuple):
    """Where output goes, and what to do when there is none for a while."""

    output: Callable[[bytes], object]
    silence: Callable[[], object] = lambda: None


def run_on_text(program: Program, text: str, viewer: Viewer, *, outlives_us: bool = False) -> int:
    """Run with this text as standard input; return the exit status.

    A program that outlives us gets a session of its own: what ends us does not end it.
    """
    # A file and no pipe: a program that does not read its input blocks nobody.
    with files.holding(text) as given:
        stdin = shell.NOTHING if given is None else given
        process = shell.stream(program, stdin=stdin, outlives_us=outlives_us)
    return _follow(process, viewer, outlives_us=outlives_us)


def run_on_file(program: Program, given: int, viewer: Viewer) -> int:
    """Run a program that outlives us with this file as standard input; return the exit status."""
    process = shell.stream(program, stdin=given, outlives_us=True)
    return _follow(process, viewer, outlives_us=True)


def run_on_stream(
    program: Program,
    source: Readable | int,
    viewer: Viewer,
    *,
    quiet_s: float,
    most_bytes: int = sys.maxsize,
) -> int:
    """Run with a stream as standard input: a file descriptor is handed over, all else is copied
    to its end, or until so many bytes came.

    Raises:
        SilentError: nothing came on the file descriptor for `quiet_s`
    """
    if isinstance(source, int):
        return _follow(shell.stream(program, stdin=source), viewer, Patience(quiet_s))
    read_end, write_end = os.pipe()
    with os.fdopen(read_end, "rb") as given, os.fdopen(write_end, "wb", buffering=0) as pipe:
        process = shell.stream(program, stdin=given)
        given.close()  # ours: when the program ends, writing must fail
        feeder = threading.Thread(target=_feed, args=(source, pipe, most_bytes))
        feeder.start()
        try:
            return _follow(process, viewer)
        finally:
            feeder.join()


def run_beside(argv: Sequence[str], env: Mapping[str, str], *, quiet_s: float) -> int:
    """Run on our own streams; return the exit status.

    Raises:
        SilentError: it had nothing to do for `quiet_s`, since its client said or read nothing
    """
    process, patience = shell.beside(argv, env=env), Patience(quiet_s)
    try:
        while not shell.ended(process, SILENCE_S):
            patience.check(process.pid)
        return process.wait()
    except BaseException:
        process.kill()
        process.wait()
        raise


def _follow(
    process: Process,
    viewer: Viewer,
    patience: Patience | None = None,
    *,
    outlives_us: bool = False,
) -> int:
    try:
        with shell.output_of(process) as output:
            _pump(process, output.fileno(), viewer, patience, to_the_end=outlives_us)
        return process.wait()
    except BaseException:
        if not outlives_us:
            process.kill()
            process.wait()
        raise


def _pump(
    process: Process,
    output: int,
    viewer: Viewer,
    patience: Patience | None,
    *,
    to_the_end: bool,
) -> None:
    """Hand on output until its end, or until the program has ended.

    One that was killed may have left what it started at work, which is of interest where it
    outlives us.
    """
    ready = select.poll()
    ready.register(output)
    while True:
        if ready.poll(SILENCE_S * 1000):
            chunk = os.read(output, CHUNK_BYTES)
            if not chunk:
                return
            viewer.output(chunk)
        elif process.poll() is None or (to_the_end and process.returncode < 0):
            viewer.silence()
            if patience is not None:
                patience.check(process.pid)
        else:  # something it left in the background holds the pipe
            return


def _feed(source: Readable, pipe: IO[bytes], most_bytes: int) -> None:
    """Copy to the end, and read on for a while even if nobody listens: a client that still sends
    hears no answer.
    """
    listening, left = True, most_bytes
    with pipe, suppress(OSError, ShipError):  # the program finds its input cut short
        while left > 0 and (chunk := source.read(CHUNK_BYTES)):
            left -= len(chunk)
            listening = listening and _write(pipe, chunk)


def _write(pipe: IO[bytes], chunk: bytes) -> bool:
    rest = memoryview(chunk)
    try:
        while rest:
            rest = rest[pipe.write(rest) :]
    except BrokenPipeError:
        return False
    return True

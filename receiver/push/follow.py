"""Runs one program while a client waits: feeds it, and hands its output on as it comes."""

import os
import resource
import select
import subprocess
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal, NamedTuple

from receiver.push.wire import Readable

SILENCE_S = 2
"""After so much silence the client gets a sign of life, and we look whether the program still
runs."""

CHUNK_BYTES = 60_000


@dataclass(frozen=True)
class Program:
    """What to run, where, and with which whole environment."""

    argv: Sequence[str]
    environment: Mapping[str, str]
    cwd: Path
    shows: Literal["all", "output", "errors"] = "all"
    """Which of its streams are of interest."""
    memory_bytes: int | None = None
    """Limit of what it may allocate; files that it maps do not count."""


class Viewer(NamedTuple):
    """Where output goes, and what to do when there is none for a while."""

    output: Callable[[bytes], object]
    silence: Callable[[], object] = lambda: None


def run_on_text(program: Program, text: str, viewer: Viewer, *, outlives_us: bool = False) -> int:
    """Run with this text as standard input; return the exit status.

    A program that outlives us gets a session of its own: what ends us does not end it.
    """
    # A file and no pipe: a program that does not read its input blocks nobody.
    with tempfile.TemporaryFile() as given:
        given.write(text.encode("utf-8", "surrogateescape"))
        given.seek(0)
        run = _start(program, given, new_session=outlives_us)
    return _follow(run, viewer, end_with_us=not outlives_us)


def run_on_stream(program: Program, source: Readable | int, viewer: Viewer) -> int:
    """Run with a stream as standard input: a file descriptor is handed over, all else is copied
    to its end.
    """
    if isinstance(source, int):
        return _follow(_start(program, source), viewer)
    read_end, write_end = os.pipe()
    with os.fdopen(read_end, "rb") as given, os.fdopen(write_end, "wb", buffering=0) as pipe:
        run = _start(program, given)
        given.close()  # ours: when the program ends, writing must fail
        feeder = threading.Thread(target=_feed, args=(source, pipe))
        feeder.start()
        try:
            return _follow(run, viewer)
        finally:
            feeder.join()


class _Run(NamedTuple):
    process: subprocess.Popen[bytes]
    output: IO[bytes]


def _start(program: Program, given: IO[bytes] | int, *, new_session: bool = False) -> _Run:
    read_end, write_end = os.pipe()
    output = os.fdopen(read_end, "rb", buffering=0)
    try:
        process = subprocess.Popen(
            program.argv,
            env=dict(program.environment),
            cwd=program.cwd,
            stdin=given,
            stdout=subprocess.DEVNULL if program.shows == "errors" else write_end,
            stderr=subprocess.DEVNULL if program.shows == "output" else write_end,
            start_new_session=new_session,
        )
    except OSError:
        output.close()
        raise
    finally:
        os.close(write_end)
    if program.memory_bytes is not None:
        limit = (program.memory_bytes, program.memory_bytes)
        resource.prlimit(process.pid, resource.RLIMIT_DATA, limit)
    return _Run(process, output)


def _follow(run: _Run, viewer: Viewer, *, end_with_us: bool = True) -> int:
    try:
        with run.output:
            _pump(run, viewer)
        return run.process.wait()
    except BaseException:
        if end_with_us:
            run.process.kill()
            run.process.wait()
        raise


def _pump(run: _Run, viewer: Viewer) -> None:
    ready = select.poll()
    ready.register(run.output)
    while True:
        if ready.poll(SILENCE_S * 1000):
            chunk = run.output.read(CHUNK_BYTES)
            if not chunk:
                return
            viewer.output(chunk)
        elif run.process.poll() is not None:  # something it left in the background holds the pipe
            return
        else:
            viewer.silence()


def _feed(source: Readable, pipe: IO[bytes]) -> None:
    """Copy to the end, and read to the end even if nobody listens: a client that still sends
    hears no answer.
    """
    listening = True
    with pipe, suppress(OSError):  # the client has gone: the program finds its input cut short
        while chunk := source.read(CHUNK_BYTES):
            listening = listening and _write(pipe, chunk)


def _write(pipe: IO[bytes], chunk: bytes) -> bool:
    rest = memoryview(chunk)
    try:
        while rest:
            rest = rest[pipe.write(rest) :]
    except BrokenPipeError:
        return False
    return True

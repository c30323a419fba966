"""Serves clone and fetch with git's own upload-pack, over ssh or smart HTTP, streaming both
ways.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

from receiver.machine import git
from receiver.machine.shell import Program
from receiver.push.follow import Viewer, run_on_stream, run_on_text
from receiver.push.wire import Readable, Write

_PREFACE = b"001e# service=git-upload-pack\n0000"
_PROTOCOL = re.compile(r"version=[0-9]")


def serve_ssh(repo: Path, protocol: str = "") -> NoReturn:
    """Become git upload-pack on this process's standard streams; `protocol` is the client's
    GIT_PROTOCOL.
    """
    argv = git.command(repo, "upload-pack", "--strict", str(repo))
    os.execvpe(argv[0], argv, _environment(protocol))  # noqa: S606 - no shell is wanted


def advertise(repo: Path, write: Write, protocol: str = "") -> None:
    """Answer `GET info/refs?service=git-upload-pack`."""
    write(_PREFACE)
    run_on_text(_stateless(repo, protocol, "--advertise-refs"), "", Viewer(write))


def serve_rpc(repo: Path, source: Readable, write: Write, protocol: str = "") -> None:
    """Answer `POST git-upload-pack`."""
    run_on_stream(_stateless(repo, protocol), source, Viewer(write))


def _stateless(repo: Path, protocol: str, *options: str) -> Program:
    argv = git.command(repo, "upload-pack", "--strict", "--stateless-rpc", *options, str(repo))
    return Program(argv, _environment(protocol), repo, shows="output")


def _environment(protocol: str) -> Mapping[str, str]:
    known = _PROTOCOL.fullmatch(protocol)
    return git.environment({"GIT_PROTOCOL": protocol} if known else {})

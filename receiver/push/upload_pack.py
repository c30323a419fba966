"""Serves clone and fetch with git's own upload-pack, over ssh or smart HTTP, streaming both
ways.
"""

from collections.abc import Mapping
from pathlib import Path

from receiver.machine import git
from receiver.machine.shell import Program
from receiver.model.limits import QUIET_LIMIT_S
from receiver.model.patterns import regex
from receiver.push.follow import Viewer, run_beside, run_on_stream, run_on_text
from receiver.push.wire import Readable, Write

_PREFACE = b"001e# service=git-upload-pack\n0000"
_MOST_ASKED_BYTES = 32 << 20
"""What a client may say that it wants and has: a repository of 200,000 refs needs half of it."""
_PROTOCOL = regex(r"version=[0-9]")


def serve_ssh(repo: Path, protocol: str = "", quiet_s: float = QUIET_LIMIT_S) -> int:
    """Have git upload-pack answer on this process's standard streams; `protocol` is the client's
    GIT_PROTOCOL. Returns its exit status.

    Raises:
        SilentError: the client neither said nor read anything for `quiet_s`
    """
    argv = git.command(repo, "upload-pack", "--strict", str(repo))
    return run_beside(argv, _environment(protocol), quiet_s=quiet_s)


def advertise(repo: Path, write: Write, protocol: str = "") -> None:
    """Answer `GET info/refs?service=git-upload-pack`."""
    write(_PREFACE)
    run_on_text(_stateless(repo, protocol, "--advertise-refs"), "", Viewer(write))


def serve_rpc(repo: Path, source: Readable, write: Write, protocol: str = "") -> None:
    """Answer `POST git-upload-pack`."""
    viewer = Viewer(write)
    run_on_stream(
        _stateless(repo, protocol),
        source,
        viewer,
        quiet_s=QUIET_LIMIT_S,
        most_bytes=_MOST_ASKED_BYTES,
    )


def _stateless(repo: Path, protocol: str, *options: str) -> Program:
    argv = git.command(repo, "upload-pack", "--strict", "--stateless-rpc", *options, str(repo))
    return Program(argv, _environment(protocol), repo, shows="output")


def _environment(protocol: str) -> Mapping[str, str]:
    known = _PROTOCOL.fullmatch(protocol)
    return git.environment({"GIT_PROTOCOL": protocol} if known else {})

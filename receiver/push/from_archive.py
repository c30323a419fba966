"""Deploys an archive: makes a commit of it on the deploy branch, and has that take the way of a
push.

The gate starts it for `git:from-archive`, as the account that receives pushes: who sends the
archive is trusted no more than who pushes.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Sequence
from typing import IO, NoReturn

from receiver.machine import git
from receiver.machine.git import ABSENT
from receiver.machine.readiness import READ, is_ready
from receiver.model.errors import BuildError, UsageError
from receiver.model.output import Output
from receiver.model.weight import MIB
from receiver.push import archive as archives
from receiver.push import receive_pack
from receiver.push.archive import Made
from receiver.push.hooks import Push
from receiver.push.limits import Limits
from receiver.push.pack_writer import COMMIT, PackWriter
from receiver.push.patience import SilentError
from receiver.push.wire import Update

COMMAND = "git:from-archive"
_CHUNK_BYTES = 1 << 20
_SHOWN = 5


class Words(argparse.Namespace):
    """What is typed behind the command."""

    app: str | None
    message: str
    option: list[str]


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(
            f"{message[:1].upper()}{message[1:]}.",
            advice=f"Type: ssh ship@HOST {COMMAND} -a NAME < app.tar.gz",
            reason="usage/bad-command-line",
        )


def parse(words: Sequence[str]) -> Words:
    """Read the words behind the command.

    Raises:
        UsageError: they are not what it takes
    """
    parser = _Parser(prog=COMMAND, add_help=False)
    parser.add_argument("-a", "--app")
    parser.add_argument("-m", "--message", default="")
    parser.add_argument("-o", "--push-option", dest="option", action="append", default=[])
    return parser.parse_args(words, Words())


def no_app() -> UsageError:
    """The error for words that name no app."""
    return UsageError(
        "Which app is meant?",
        advice=f"Name it: ssh ship@HOST {COMMAND} -a NAME < app.tar.gz",
        reason="usage/no-app",
    )


def serve(push: Push, words: Words, by: str, stdin: int = 0) -> int:
    """Take the archive on a file descriptor, and deploy it; returns the exit code.

    Raises:
        ShipError: it is no archive that a commit can be made of
    """
    out = Output(receive_pack.to_stderr)
    with (
        tempfile.TemporaryFile(dir=push.repo) as sent,
        tempfile.TemporaryFile(dir=push.repo) as pack,
    ):
        _spool(stdin, sent, push.limits)
        writer = PackWriter(pack)
        made = archives.read(sent, writer, push.limits.tree)
        branch = git.deploy_branches(push.repo)[0]
        tip = git.resolve_commit(push.repo, git.BRANCHES + branch)
        commit = _commit(writer, made, tip, by, words.message)
        writer.finish()
        _tell(out, made, commit, branch)
        update = Update(tip or ABSENT, commit, git.BRANCHES + branch)
        return receive_pack.serve_own(push, update, words.option, pack)


def _spool(source: int, target: IO[bytes], limits: Limits) -> None:
    left, limit_s = limits.input_bytes, limits.begin_s
    while is_ready(source, READ, limit_s):
        chunk = os.read(source, _CHUNK_BYTES)
        left, limit_s = left - len(chunk), limits.quiet_s
        if left < 0:
            raise _too_large(limits)
        if not chunk:
            break
        target.write(chunk)
    else:
        raise SilentError(limit_s, "the archive")
    target.seek(0)


def _too_large(limits: Limits) -> BuildError:
    return BuildError(
        "The archive is too large.",
        detail=f"The limit is {limits.input_bytes // MIB:,} MiB.",
        advice="Leave out what the app does not need, or raise max_push_mb in the server's "
        "ship.toml.",
        reason="build/archive-too-large",
    )


def _commit(writer: PackWriter, made: Made, tip: str | None, by: str, message: str) -> str:
    who = f"{by} <{by}@ship> {int(time.time())} +0000"
    parent = f"parent {tip}\n" if tip else ""
    text = message.replace("\0", "").strip() or "Deploy an archive"
    whole = f"tree {made.tree}\n{parent}author {who}\ncommitter {who}\n\n{text}\n"
    data = whole.encode("utf-8", "surrogateescape")
    return writer.add(COMMIT, len(data), (data,))


def _tell(out: Output, made: Made, commit: str, branch: str) -> None:
    files = "1 file" if made.files == 1 else f"{made.files} files"
    out.step(f"Committing {files} to {branch} as {commit[:7]}")
    if made.top:
        out.say(f"Everything is in the folder {made.top}/, which is used as the top.")
    if made.left_out:
        more = len(made.left_out) - _SHOWN
        listed = ", ".join(made.left_out[:_SHOWN])
        out.say(f"Left out: {listed}{f' and {more} more' if more > 0 else ''}")

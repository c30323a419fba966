"""Asks git for objects of a push while it is in quarantine: one process for many of them.

git checks and inflates them in a process of its own, whose memory is limited.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import IO, NamedTuple, Self

from receiver.machine import shell
from receiver.machine.shell import Program
from receiver.model.errors import GitError

_AT_ONCE = 512
"""Questions that are asked before an answer is read: together they fit into a pipe."""
_LONGEST_LINE = 4096


class Object(NamedTuple):
    """What git says of an object, before its content."""

    name: str
    kind: str
    """`blob`, `tree`, `commit`, `tag`; empty for one that is not there."""
    size_bytes: int


class Objects:
    """One `git cat-file --batch-command`, which answers in the order of the questions."""

    def __init__(self, questions: IO[bytes], answers: IO[bytes]) -> None:
        self._questions = questions
        self._answers = answers

    @classmethod
    @contextmanager
    def asked(cls, program: Program) -> Iterator[Self]:
        """Start it; it ends with the block, whatever it was doing."""
        read_end, write_end = os.pipe()
        with os.fdopen(read_end, "rb") as given, os.fdopen(write_end, "wb", 0) as questions:
            process = shell.stream(program, stdin=given)
            given.close()
            try:
                with shell.output_of(process) as answers:
                    yield cls(questions, answers)
            finally:
                process.kill()
                process.wait()

    def heads(self, names: Iterable[str]) -> Iterator[Object]:
        """What each of these is; git does not inflate them for it.

        Raises:
            GitError: git ended before it answered
        """
        return self._ask("info", names)

    def whole(self, names: Iterable[str]) -> Iterator[Object]:
        """The same; `content` has to be read after each, except for one that is not there.

        Raises:
            GitError: git ended before it answered
        """
        return self._ask("contents", names)

    def _ask(self, verb: str, names: Iterable[str]) -> Iterator[Object]:
        left = iter(names)
        while asked := list(islice(left, _AT_ONCE)):
            try:
                self._questions.write("".join(f"{verb} {name}\n" for name in asked).encode())
            except BrokenPipeError as error:
                raise unanswered() from error
            for name in asked:
                yield _parsed(name, self._answers.readline(_LONGEST_LINE))

    def content(self, found: Object) -> bytes:
        """The content of the object that `whole` gave last.

        Raises:
            GitError: git ended before it answered
        """
        data = self._answers.read(found.size_bytes + 1)  # a line end is behind it
        if len(data) <= found.size_bytes:
            raise unanswered()
        return data[:-1]


def _parsed(name: str, line: bytes) -> Object:
    if not line.endswith(b"\n"):
        raise unanswered()
    words: Sequence[bytes] = line.split()
    if words[-1] in {b"missing", b"ambiguous"}:
        return Object(name, "", 0)
    object_id, kind, size = words
    return Object(object_id.decode(), kind.decode(), int(size))


def unanswered() -> GitError:
    """The error for a git that ended, or said what it should not."""
    return GitError(
        "The server could not look through the pushed objects.",
        detail="git ended while it read them, for want of memory, because one is damaged, or "
        "because this git is older than 2.36.",
        advice="Check the repository with git fsck, then push again.",
    )

"""Runs hooks/pre-receive and hooks/post-receive as git runs them, with their output live to the
client.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import NamedTuple

from receiver.machine import files, git, git_leftovers
from receiver.machine.shell import Program
from receiver.model.errors import EXIT_CODES, EXIT_FAILED, ServerError
from receiver.model.output import Output
from receiver.model.terminal import Filter
from receiver.push import door
from receiver.push.follow import Viewer, run_on_file, run_on_text
from receiver.push.guard import guarded
from receiver.push.limits import Limits
from receiver.push.wire import Reply, Update

_VERDICTS = frozenset({0, *EXIT_CODES.values()}) - {EXIT_FAILED}
"""Exit statuses by which a deploy says how it ended; by any other it did not come to say it."""
_ASKED_AT_MOST = 3
NO_OBJECTS: Mapping[str, str] = {}
"""What a hook is told of a quarantine when there is none."""


_COUNTED = {"SHIP_COUNTS_TREE": "1"}
"""Has pre-receive leave the pushed tree to us: listing one can take for ever."""


class Push(NamedTuple):
    """What is known of a push before its first byte."""

    repo: Path
    hooks: Path | None
    """Folder of pre-receive and post-receive; None runs none."""
    environment: Mapping[str, str]
    """For the hooks: SHIP_APP, SHIP_KEY, SHIP_DEPLOY and the like."""
    limits: Limits

    @property
    def name(self) -> str:
        """What tells it from every other; empty where nothing is deployed."""
        return self.environment.get("SHIP_PUSH", "")


def clear_up(push: Push) -> None:
    """Have root put right what an earlier push of this app left here that was killed."""
    argv = door.to_clear_up(push.environment)
    if argv and git_leftovers.any_left(push.repo):
        program = Program(argv, git.environment(push.environment), push.repo)
        with suppress(OSError):  # what it leaves is told when it is in the way
            run_on_text(program, "", Viewer(lambda _: None))


class Noted:
    """The note of a move, while a push is at it."""

    def __init__(self, descriptor: int | None) -> None:
        self.descriptor = descriptor
        """What to hand to `after`; None where nothing moves that somebody could be asked about."""
        self.is_settled = True
        """Whether the ref is where it belongs, so that nobody needs the note."""


class Hooks(NamedTuple):
    """The hooks of one push, and who reads along."""

    push: Push
    options: Sequence[str]
    reply: Reply

    def before(self, updates: Sequence[Update], objects: Mapping[str, str]) -> int:
        """Run pre-receive on refs that may move; `objects` makes the pack in quarantine visible
        to it.
        """
        return self._run("pre-receive", updates, objects)

    @contextmanager
    def noted(self, updates: Sequence[Update]) -> Iterator["Noted"]:
        """Note down the move of a ref, and keep watch until the ref is where it should be: whoever
        finds the note, and nobody at it, puts the ref right.
        """
        move = self._move(updates[0]) if self.push.hooks is not None and len(updates) == 1 else None
        note = move and git_leftovers.note(self.push.repo, move, updates[0].line())
        if move is None or note is None:
            yield Noted(None)
            return
        path, noted = self.push.repo / move.file, Noted(note)
        try:
            with self._guarded(path):
                yield noted
                if noted.is_settled:
                    files.remove(path)
        finally:
            os.close(note)

    def _guarded(self, note: Path) -> AbstractContextManager[None]:
        argv = door.to_clear_up(self.push.environment)
        environment = git.environment(self.push.environment)
        return guarded(note, argv, environment) if argv else nullcontext()

    def _move(self, update: Update) -> git_leftovers.Move:
        return git_leftovers.Move(self.push.name, update.old, update.new)

    def after(
        self,
        updates: Sequence[Update],
        objects: Mapping[str, str] = NO_OBJECTS,
        note: int | None = None,
    ) -> int:
        """Run post-receive on refs that moved, or on some that stay.

        The deploy goes on when we are ended. When something on the way to it is, the deploy's own
        record says how it ended.
        """
        status = self._run("post-receive", updates, objects, note)
        argv = door.to_settle(self.push.environment)
        if status in _VERDICTS or not argv:
            return status
        for _ in range(_ASKED_AT_MOST):
            status = self._settle(argv)
            if status == EXIT_FAILED or status in _VERDICTS:
                break
        return status

    def _settle(self, argv: Sequence[str]) -> int:
        """Ask for the end of a deploy that nobody could tell us; returns its exit code."""
        program = Program(argv, git.environment(self.push.environment), self.push.repo)
        viewer = Viewer(self.reply.progress, self.reply.keep_alive)
        try:
            return run_on_text(program, "", viewer)
        except OSError as error:
            return self._not_started("settle", error)

    def _run(
        self,
        name: str,
        updates: Sequence[Update],
        objects: Mapping[str, str],
        note: int | None = None,
    ) -> int:
        if self.push.hooks is None:
            return 0
        repo = self.push.repo
        variables = {**self.push.environment, **self._option_variables(), **objects, **_COUNTED}
        environment = git.environment({**variables, "GIT_DIR": str(repo)})
        program = Program((str(self.push.hooks / name),), environment, repo)
        text = "".join(update.line() for update in updates)
        shown = Filter(self.reply.progress)  # names of refs and files are the pusher's to choose
        viewer = Viewer(shown, self.reply.keep_alive)
        try:
            if note is not None:
                return run_on_file(program, note, viewer)
            return run_on_text(program, text, viewer, outlives_us=name == "post-receive")
        except OSError as error:
            return self._not_started(name, error)
        finally:
            shown.end()

    def _option_variables(self) -> dict[str, str]:
        numbered = {f"GIT_PUSH_OPTION_{n}": option for n, option in enumerate(self.options)}
        return {"GIT_PUSH_OPTION_COUNT": str(len(self.options)), **numbered}

    def _not_started(self, name: str, cause: OSError) -> int:
        error = ServerError(
            f"The hook {name} could not be started on the server.",
            detail=f"{cause.strerror}: {cause.filename}.",
            advice="Ask who runs the server to install ship again.",
            reason="server/hook-missing",
        )
        Output(self.reply.progress).error(error)
        return error.exit_code

"""The journal of an unfinished change: the opposite of each step, on disk before the step is done.

After a power cut the journal is all there is to go by. An app without a journal has no unfinished
change.
"""

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import msgspec

from receiver.machine import files
from receiver.model.plan import AnyStep, Plan

DAMAGED = "a change whose journal was damaged"


class About(msgspec.Struct, frozen=True, kw_only=True):
    """What the change is, for the one who has to undo it without its process."""

    title: str
    build: int | None = None
    ref: str | None = None
    commit: str | None = None
    """Value that a push gave to `ref`; it goes back unless the change is finished."""
    before: str | None = None
    """Value of `ref` before the push; None when the push made it."""


class _Entry(msgspec.Struct, frozen=True):
    undo: tuple[AnyStep, ...]


class Checkpoint:
    """Registers opposites as a change goes on; `finalize` makes the change stand."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._steps = folder / "undo.jsonl"
        self._about = folder / "about.json"  # `AppPaths.unfinished`

    def begin(self, about: About) -> None:
        """Open the journal: from here on the change is undone unless it is finalized."""
        self._folder.mkdir(mode=0o700, exist_ok=True)
        self._steps.unlink(missing_ok=True)
        self._steps.touch(mode=0o600)
        # puts the names of both files on the disk; that of the steps is empty until the first is
        # registered
        files.write_atomically(self._about, msgspec.json.encode(about), mode=0o600)
        files.sync_folder(self._folder.parent)

    def register(self, undo: Plan) -> None:
        """Keep the opposite of a step that is about to be done."""
        if not undo:
            return
        with self._steps.open("ab") as handle:
            handle.write(msgspec.json.encode(_Entry(undo), enc_hook=str) + b"\n")
            handle.flush()
            os.fsync(handle.fileno())

    def about(self) -> About | None:
        """What the unfinished change is; None when there is none.

        Where that was damaged, there is one all the same: its steps can be undone.
        """
        try:
            text = files.read_text(self._about)
            return None if text is None else msgspec.json.decode(text, type=About)
        except (OSError, msgspec.DecodeError):
            return About(title=DAMAGED)

    def undo_plan(self, skipped: Callable[[str], object] = len) -> Plan:
        """All opposites, newest first.

        A last line cut short belongs to a step that was never begun. One that is damaged is told to
        `skipped` and left out, as nothing can be made of it.
        """
        lines = (files.read_text(self._steps) or "").splitlines(keepends=True)
        entries: list[_Entry] = []
        for line in lines:
            try:
                if line.endswith("\n"):
                    entries.append(msgspec.json.decode(line, type=_Entry))
            except msgspec.DecodeError as error:
                skipped(f"A line of {self._steps} cannot be read: {error}.")
        return tuple(step for entry in reversed(entries) for step in entry.undo)

    def finalize(self) -> None:
        """The change stands, or is undone: there is nothing to go back to any more.

        One name that goes decides it, which takes no space on a full disk. What comes after that
        may fail, and is swept by the next change.

        Raises:
            OSError: it does not stand, and has to be undone
        """
        self._about.unlink(missing_ok=True)
        with suppress(OSError):
            files.sync_folder(self._folder)
        self.clear()

    def clear(self) -> None:
        """Remove what is left of a change that stands or is undone."""
        with suppress(OSError):
            self._steps.unlink(missing_ok=True)
            self._folder.rmdir()

"""The journal of an unfinished change: the opposite of each step, on disk before the step is done.

After a power cut the journal is all there is to go by. An app without a journal has no unfinished
change.
"""

import os
from pathlib import Path

import msgspec

from receiver.machine import files
from receiver.model.plan import AnyStep, Plan


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
        self._about = folder / "about.json"

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
        """What the unfinished change is; None when there is none."""
        text = files.read_text(self._about)
        return None if text is None else msgspec.json.decode(text, type=About)

    def undo_plan(self) -> Plan:
        """All opposites, newest first.

        A last line cut short belongs to a step that was never begun.
        """
        text = files.read_text(self._steps) or ""
        lines = text.splitlines(keepends=True)
        entries = [msgspec.json.decode(line, type=_Entry) for line in lines if line.endswith("\n")]
        return tuple(step for entry in reversed(entries) for step in entry.undo)

    def finalize(self) -> None:
        """The change stands, or is undone: there is nothing to go back to any more."""
        files.remove_tree(self._folder)

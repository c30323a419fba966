"""A decision as a value: the steps that change a machine, in order, each able to say its opposite.

Planners return steps, the executor does them, the checkpoint keeps their opposites on disk. A step names
everything it needs, as text and numbers only, so that it survives in the journal as a line of JSON.
"""

from pathlib import Path

import msgspec

from receiver.model.layout import SlotLetter


class Step(msgspec.Struct, frozen=True, tag=True):
    """One change. Subclasses are told apart in the journal by their name."""


class WriteFile(Step):
    """Make `path` hold exactly `text`."""

    path: str
    text: str
    mode: int = 0o644
    group: str | None = None


class RemoveFile(Step):
    """Make sure there is no file or link at `path`."""

    path: str


class RemoveTree(Step):
    """Make sure there is nothing at `path`."""

    path: str


class Link(Step):
    """Make `path` a symbolic link to `target`."""

    path: str
    target: str


class RefreshUnits(Step):
    """Have the host read its unit or program files again."""


class HoldSocket(Step):
    """Have the host hold the web socket of `app`."""

    app: str


class ReleaseSocket(Step):
    """Have the host let go of the web socket of `app`."""

    app: str


class StartSlot(Step):
    """Start the web processes of one slot."""

    app: str
    slot: SlotLetter


class StopSlot(Step):
    """Stop the web processes of one slot, gracefully."""

    app: str
    slot: SlotLetter


class ReloadSlot(Step):
    """HUP: replace the workers of one slot by workers of the release its link names now."""

    app: str
    slot: SlotLetter


class EnableSlot(Step):
    """Have this slot, and no other of the app, started at boot; none when `slot` is None."""

    app: str
    slot: SlotLetter | None


class AwaitRelease(Step):
    """Wait until every worker of the slot is of release `version`."""

    app: str
    slot: SlotLetter
    version: int
    limit_s: float


class ReloadNginx(Step):
    """Test nginx's files, then have it read them."""

    app: str


class AskThroughNginx(Step):
    """Ask for the app's page as a visitor would, and refuse an answer that is not the app's."""

    app: str
    path: str
    status: int | None


AnyStep = (
    WriteFile
    | RemoveFile
    | RemoveTree
    | Link
    | RefreshUnits
    | HoldSocket
    | ReleaseSocket
    | StartSlot
    | StopSlot
    | ReloadSlot
    | EnableSlot
    | AwaitRelease
    | ReloadNginx
    | AskThroughNginx
)

Plan = tuple[AnyStep, ...]


def link_to(path: Path, target: Path) -> Link:
    """A link by a relative target, so that the tree can be moved as a whole."""
    return Link(str(path), str(_relative(target, path.parent)))


def _relative(target: Path, start: Path) -> Path:
    common = [a for a, b in zip(target.parts, start.parts, strict=False) if a == b]
    up = len(start.parts) - len(common)
    return Path(*[".."] * up, *target.parts[len(common) :])

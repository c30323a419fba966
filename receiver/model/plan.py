"""A decision as a value: the steps that change a machine, in order, each with an opposite.

Planners return steps, the executor does them, the checkpoint keeps their opposites on disk. A step
holds all that belongs together (a file of nginx's and nginx's reading of it), so that undoing steps
one by one, newest first, is right. It is made of text and numbers only, so that it survives as a
line of JSON.
"""

import msgspec

from receiver.model.check import Check
from receiver.model.cron import Timer
from receiver.model.formation import Group
from receiver.model.layout import SlotLetter
from receiver.model.process_limits import Limit


class WriteFile(msgspec.Struct, frozen=True, tag=True):
    """Make `path` hold exactly `text`."""

    path: str
    text: str
    mode: int = 0o644
    gid: int = -1
    """The group that it is given to; -1 for that of whoever writes."""


class RemoveFile(msgspec.Struct, frozen=True, tag=True):
    """Make sure there is no file or link at `path`."""

    path: str


class RemoveTree(msgspec.Struct, frozen=True, tag=True):
    """Make sure there is nothing at `path`."""

    path: str


class Link(msgspec.Struct, frozen=True, tag=True):
    """Make `path` a symbolic link to `target`."""

    path: str
    target: str


class ChangeUnits(msgspec.Struct, frozen=True, tag=True):
    """Write (or remove, where a text is None) the files that describe an app to the process
    manager.
    """

    app: str
    files: dict[str, str | None]
    """Texts by path."""


class ChangeSite(msgspec.Struct, frozen=True, tag=True):
    """Write or remove nginx's file for an app and the link that enables it; test; have nginx
    read it.
    """

    app: str
    path: str
    link: str
    text: str | None


class ApplyLimits(msgspec.Struct, frozen=True, tag=True):
    """Keep what runs of an app to these limits, by process type, from now on; files are another
    step's.
    """

    app: str
    limits: dict[str, Limit]


class HoldSocket(msgspec.Struct, frozen=True, tag=True):
    """Have the host listen on the app's port from now on."""

    app: str


class ReleaseSocket(msgspec.Struct, frozen=True, tag=True):
    """Have the host stop listening on the app's port."""

    app: str


class AimSlot(msgspec.Struct, frozen=True, tag=True):
    """Point a slot at a release; when it runs and `reload` is set, have it take the release over
    in place.
    """

    app: str
    slot: SlotLetter
    version: int | None
    reload: bool = False


class StartSlot(msgspec.Struct, frozen=True, tag=True):
    """Start the web processes of one slot."""

    app: str
    slot: SlotLetter


class StopSlot(msgspec.Struct, frozen=True, tag=True):
    """Stop the web processes of one slot, gracefully."""

    app: str
    slot: SlotLetter


class EnableSlot(msgspec.Struct, frozen=True, tag=True):
    """Have this slot, and no other of the app, started at boot; none when `slot` is None."""

    app: str
    slot: SlotLetter | None


class SetTimers(msgspec.Struct, frozen=True, tag=True):
    """Have exactly these cron jobs of the app started when they are due, also after a boot."""

    app: str
    timers: dict[str, Timer]


class AwaitRelease(msgspec.Struct, frozen=True, tag=True):
    """Wait until every worker of the slot is of release `version`."""

    app: str
    slot: SlotLetter
    version: int
    limit_s: float


class AwaitAnswer(msgspec.Struct, frozen=True, tag=True):
    """Wait until a slot that binds a port itself answers its check there."""

    app: str
    slot: SlotLetter
    port: int
    limit_s: float
    check: Check = Check()
    line: str = ""
    """The web line, for advice on it."""
    fixed_port: bool = False
    """Whether nothing in it or in the code asks for the port."""


class AskThroughNginx(msgspec.Struct, frozen=True, tag=True):
    """Ask for the app's page as a visitor would, and refuse an answer that is not the app's."""

    app: str
    check: Check = Check()


class SetFormation(msgspec.Struct, frozen=True, tag=True):
    """Have exactly these processes besides web run, each of its release, now and after a boot."""

    app: str
    formation: dict[str, Group]


class RestartProcesses(msgspec.Struct, frozen=True, tag=True):
    """Stop processes besides web and start them afresh."""

    app: str
    names: tuple[str, ...]
    """Such as `worker.1`."""


OnDisk = WriteFile | RemoveFile | RemoveTree | Link
"""Steps that are the same wherever apps run."""
OfEngine = (
    ChangeUnits
    | ChangeSite
    | ApplyLimits
    | HoldSocket
    | ReleaseSocket
    | AimSlot
    | StartSlot
    | StopSlot
    | EnableSlot
    | SetTimers
    | AwaitRelease
    | AwaitAnswer
    | AskThroughNginx
    | SetFormation
    | RestartProcesses
)
"""Steps that only the engine knows to do."""
AnyStep = OnDisk | OfEngine

Plan = tuple[AnyStep, ...]

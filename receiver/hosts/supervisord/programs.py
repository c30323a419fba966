"""Decides supervisord's files: the programs of an app.

Pure; nothing in them depends on a release.
"""

import shlex
from collections.abc import Sequence
from pathlib import Path

import msgspec

from receiver.model.errors import UsageError
from receiver.model.layout import SLOTS, AppPaths, Layout, SlotLetter
from receiver.model.names import AppName
from receiver.model.patterns import regex
from receiver.model.plan import WriteFile
from receiver.model.settings import STOP_MARGIN_S, App
from receiver.planner.render import render

_WRITABLE = regex(r"[^\x00-\x1f\x7f;#%$'\"\\{}]*")
_ANY_SLOT = "%(process_num)x"
"""What supervisord replaces by a slot's letter: 10 and 11 in hexadecimal."""


class Launcher(msgspec.Struct, frozen=True):
    """What starts a slot: an interpreter of ship's own and runtime/launch.py."""

    python: Path
    launch: Path


class _OwnPort(msgspec.Struct, frozen=True):
    letter: SlotLetter
    command: str


def held_process(app: AppName, slot: SlotLetter) -> str:
    """supervisord's name of a slot on the held socket."""  # noqa: D403 - a program's name
    return f"{app}:{slot}"


def holder_process(app: AppName) -> str:
    """Name of the process that only keeps the socket open."""
    return f"{app}:c"


def own_port_process(app: AppName, slot: SlotLetter) -> str:
    """Name of a slot whose server binds a port itself; no app can have a dot in its name."""
    return f"{app}.{slot}:{app}.{slot}"


def program_file(layout: Layout, app: AppName, settings: App, launcher: Launcher) -> WriteFile:
    """The programs of an app."""
    paths = layout.app(app)
    held = (*_launch(paths, _ANY_SLOT, launcher), "--fd", "0")
    own = []
    for letter in SLOTS:
        port = settings.own_port(letter)
        command = (*_launch(paths, letter, launcher), "--port", str(port))
        own.append(_OwnPort(letter, _words(command)))
    text = render(
        "supervisor/app.conf",
        app=app,
        port=settings.port,
        held_command=_words(held),
        own=own,
        work=paths.work,
        run=paths.run,
        logs=paths.logs,
        stop_limit_s=settings.graceful_limit_s + STOP_MARGIN_S,
    )
    return WriteFile(str(layout.units / f"{app}.conf"), text)


def web_log(paths: AppPaths, slot: SlotLetter) -> Path:
    """Where the web processes of a slot write."""
    return paths.logs / f"web.{slot}.log"


def scheduler_process(app: AppName) -> str:
    """Name of what starts an app's cron jobs; no app is called `ship`, and none has a dot in its
    name.
    """
    return f"ship.cron.{app}:ship.cron.{app}"


def scheduler_path(layout: Layout, app: AppName) -> Path:
    """Where its program file is."""
    return layout.units / f"ship.cron.{app}.conf"


def scheduler_file(layout: Layout, app: AppName, ship: Path) -> WriteFile:
    """The program that starts an app's cron jobs."""
    text = render(
        "supervisor/cron.conf",
        app=app,
        name=f"ship.cron.{app}",
        command=_words((str(ship), "cron:schedule", "--app", app)),
        home=layout.run / "platform",
        root=layout.run.parent,
        logs=layout.app(app).logs,
    )
    return WriteFile(str(scheduler_path(layout, app)), text)


def check_root(root: Path) -> None:
    """Refuse a folder that supervisord's and nginx's files cannot name.

    Raises:
        UsageError: it holds a character with a meaning there
    """
    if not root.is_absolute() or not _WRITABLE.fullmatch(str(root)):
        raise UsageError(
            f"The folder {str(root)!r} cannot hold an embedded server.",
            detail="Its path holds a quote, a backslash, a control character or one of ; # % $ { "
            "}.",
            advice="Choose a folder whose path has letters, digits, spaces, dots and hyphens only.",
            reason="usage/bad-root",
        )


def _launch(paths: AppPaths, letter: str, launcher: Launcher) -> tuple[str, ...]:
    start = (str(launcher.python), "-I", "-S", str(launcher.launch), f"{paths.slots}/{letter}")
    return (*start, "web", "--run", f"{paths.run}/web.{letter}", "--app-dir", str(paths.home))


def _words(command: Sequence[str]) -> str:
    return shlex.join(command)

"""The story of a clone: a new app with the code, config vars and settings of another, at the
same release.

Until it is live, or finished without being deployed, a note is on disk by which whatever ends it
takes it away again.
"""

from collections.abc import Callable
from functools import partial

import msgspec
from msgspec.structs import replace

from receiver.apps import clone_notes
from receiver.apps import lifecycle as apps
from receiver.apps.parts import PARTS
from receiver.changes.app_state import AppState
from receiver.changes.change import looking
from receiver.changes.part import Copying
from receiver.deploy import retrying
from receiver.model.errors import without_pushing
from receiver.model.names import AppName
from receiver.model.output import Output
from receiver.model.settings import App
from receiver.server import Server
from receiver.state import records


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be made of which app."""

    old: AppName
    new: AppName
    by: str
    deploy: bool = True
    storage: bool = False


class _NotLiveError(Exception):
    """The deploy of the clone failed, which its transcript has told; `status` is its exit code."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


def clone(server: Server, wish: Wish, show: Callable[[bytes], object]) -> int:
    """Make an app like another, and put it live; returns the exit code of its deploy.

    Raises:
        ShipError: it could not be made; nothing is left of the attempt
    """
    out = Output(show)
    with looking(server, wish.old, f"clone to {wish.new} by {wish.by}", out) as original:
        config = records.read_config(original.paths.config)
    kept = server.layout.app(wish.new).storage.exists()
    apps.create(server, wish.new, like=_like(original))
    try:
        with clone_notes.unfinished(server, wish.new, keep_storage=kept):
            out.step(f"Cloning {wish.old} to {wish.new}")
            copying = Copying(
                original=original,
                config=config,
                paths=server.app(wish.new),
                storage=wish.storage,
                out=out,
            )
            for part in PARTS:
                part.copy(copying)
            _go_live(wish, original, out, show)
    except _NotLiveError as error:
        out.say(f"{wish.new} was taken away again.")
        return error.status
    return 0


def _like(original: AppState) -> App:
    """Settings for a clone; where there is a release, what a first deploy does was done."""
    return replace(original.settings, clone_of=str(original.name) if original.release else "")


def _go_live(wish: Wish, original: AppState, out: Output, show: Callable[[bytes], object]) -> None:
    if original.release is None:
        return
    if not wish.deploy:
        out.say(f"It is not deployed yet. To put it live: ship releases:retry -a {wish.new}")
        return
    title = f"Clone of {wish.old} {original.release.label}, {{}}"
    options = " --storage" if wish.storage else ""
    advise = partial(advice_for_clone, old=wish.old, new=wish.new, options=options)
    status = retrying.first(original.server, wish.new, wish.by, show, title, advise)
    if status:
        raise _NotLiveError(status)


def advice_for_clone(advice: str, old: str, new: str, options: str = "") -> str:
    """The advice of an error of a deploy, for a clone that is taken away again and cannot be
    pushed to.
    """
    told = without_pushing(advice).replace("`ship config:set ", f"`ship config:set -a {new} ")
    before = (
        f"{new} is taken away. To have it stay: `ship apps:clone {old} {new} "
        f"--skip-deploy{options}`."
    )
    return "\n".join(filter(None, (before, told, f"Then: `ship releases:retry -a {new}`.")))

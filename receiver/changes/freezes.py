"""The stories of a freeze: made, lifted, and in the way of every change; and how any change
takes its turn on an app.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from receiver.access import grants as access
from receiver.machine import files
from receiver.machine.lock import app_lock
from receiver.model.freeze import Freeze, FrozenError
from receiver.model.layout import AppPaths
from receiver.model.names import AppName
from receiver.model.output import Output
from receiver.server import Server
from receiver.state import records


@contextmanager
def turn(
    server: Server,
    paths: AppPaths,
    title: str,
    out: Output,
    *,
    frozen_too: bool,
    wait_s: float | None = None,
) -> Iterator[None]:
    """Have the app to oneself, for what its freeze does not forbid: the beginning of every change.

    Another is waited for as long as the server's settings say, where `wait_s` does not.

    Raises:
        LockedError: another command is still at work on it
        FrozenError: somebody wants it to stay as it is
    """
    waiting = lambda holder: out.say(f"Waiting for the {holder}.")  # noqa: E731
    limit_s = float(server.settings.lock_wait_s) if wait_s is None else wait_s
    with app_lock(paths.lock, title, wait_s=limit_s, on_wait=waiting, clock=server.clock):
        if not frozen_too:
            refuse_frozen(paths)
        yield


def look(paths: AppPaths) -> Freeze | None:
    """The freeze of an app; None when it may be changed."""
    return records.read_json(paths.freeze, Freeze)


def refuse_frozen(paths: AppPaths) -> None:
    """Refuse to change an app that is frozen.

    Raises:
        FrozenError: it is
    """
    found = look(paths)
    if found is not None:
        raise FrozenError(
            f"{paths.name} is locked, and nothing of it may be changed.",
            detail=f"Locked {found.told()}",
            advice=f"Once that is over: `ship apps:unlock -a {paths.name}`.",
        )


def freeze(server: Server, app: AppName, by: str, reason: str) -> None:
    """Have an app stay as it is; a change that is under way comes to its end.

    Raises:
        FrozenError: it is frozen already
    """
    paths = server.app(app)
    with access.changing(server.layout):
        found = look(paths)
        if found is not None:
            raise FrozenError(
                f"{app} is locked already.",
                detail=f"Locked {found.told()}",
                advice=f"For another reason, unlock it first: `ship apps:unlock -a {app}`.",
            )
        wanted = Freeze(by=by, since=server.clock.stamp(), reason=reason)
        records.write_json(paths.freeze, wanted)


def lift(server: Server, app: AppName) -> Freeze | None:
    """Let an app be changed again; returns the freeze that it had, if it had one."""
    paths = server.app(app)
    with access.changing(server.layout):
        found = look(paths)
        files.remove(paths.freeze)
    return found

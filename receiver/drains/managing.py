"""The stories of log drains: add, remove, look at, try out."""

from collections.abc import Iterator

import msgspec

from receiver.changes.change import changing
from receiver.drains.records import find, read, read_state, write
from receiver.drains.senders import SendError, sender
from receiver.logs.stream import Stream
from receiver.machine import files
from receiver.machine.clock import now_us
from receiver.model.drain import NAME, Drain, DrainState, Format, parse_target
from receiver.model.errors import ExistsError, ServerError, UsageError
from receiver.model.log_line import LogLine
from receiver.model.names import AppName
from receiver.server import Server

_MOST = 10


class Status(msgspec.Struct, frozen=True):
    """A drain, and how it goes."""

    drain: Drain
    runs: bool
    state: DrainState


def add(server: Server, app: AppName, url: str, shape: Format, name: str | None, by: str) -> Drain:
    """Have the app's log sent on from now on.

    Raises:
        UsageError: the address or the name is none
    """
    parse_target(url)
    with changing(server, app, "a new drain") as change:
        there = read(change.paths)
        if any(drain.url == url for drain in there):
            raise ExistsError(
                "There is a drain to this address already.",
                advice="`ship drains` shows it.",
                reason="exists/drain",
            )
        if len(there) >= _MOST:
            raise UsageError(
                f"{app} has {_MOST} drains already.",
                advice="Remove one: `ship drains:remove NAME`.",
                reason="usage/too-many-drains",
            )
        drain = Drain(
            name=_name(name, there),
            url=url,
            format=shape,
            created_at=server.clock.stamp(),
            by=by,
            cursor=Stream(server, app).cursor,
        )
        write(change.paths, drain)
        server.host.drains.start(app, drain.name)
    return drain


def remove(server: Server, app: AppName, word: str) -> Drain:
    """Send nothing more to a drain, named by its name or its address.

    Raises:
        NotFoundError: the app has no such drain
    """
    with changing(server, app, "removal of a drain") as change:
        drain = find(change.paths, word)
        server.host.drains.stop(app, drain.name)
        server.host.drains.forget(app, drain.name)
        files.remove(change.paths.drains / f"{drain.name}.json")
    return drain


def statuses(server: Server, app: AppName) -> list[Status]:
    """All drains of an app, and how they go."""
    kept = server.host.drains
    return [
        Status(drain, kept.runs(app, drain.name), read_state(kept, app, drain.name))
        for drain in read(server.app(app))
    ]


def try_out(server: Server, app: AppName, word: str, by: str) -> Drain:
    """Send one line to a drain, at once.

    Raises:
        ServerError: it was not taken
    """
    drain = find(server.app(app), word)
    target = parse_target(drain.url)
    text = f"A test of the drain {drain.name} of {app}, asked for by {by}.".encode()
    way = sender(target, drain.format, app, server.address(app))
    try:
        way.send([LogLine(now_us(), "ship", "drain", text)])
    except SendError as error:
        raise ServerError(
            f"The receiver of the drain {drain.name} did not take a line.",
            detail=str(error),
            advice="Check the address, a token in it, and whether this server may reach it.",
            reason="server/drain-failed",
        ) from error
    finally:
        way.close()
    return drain


def _name(asked: str | None, there: list[Drain]) -> str:
    taken = {drain.name for drain in there}
    if asked is None:
        return next(name for name in _numbered() if name not in taken)
    if not NAME.fullmatch(asked) or asked in taken:
        raise UsageError(
            f"A drain cannot be called {asked!r}."
            if asked not in taken
            else f"There is a drain {asked} already.",
            advice="Letters a-z, digits and hyphens make a name, at most 30 of them.",
            reason="usage/bad-drain-name",
        )
    return asked


def _numbered() -> Iterator[str]:
    number = 0
    while True:
        number += 1
        yield f"d{number}"

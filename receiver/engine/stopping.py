"""Stops processes of an app, and says what it waits for: after two seconds, and when one had to be
killed.
"""

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from threading import Timer

from receiver.model.errors import ShipError
from receiver.model.formation import Group, Instance
from receiver.model.layout import SlotLetter
from receiver.model.names import AppName
from receiver.model.settings import STOP_MARGIN_S
from receiver.server import Server
from receiver.state import records

_PATIENCE_S = 2.0

Warn = Callable[[str], object]


def stop_slot(server: Server, app: AppName, slot: SlotLetter, warn: Warn) -> None:
    """Stop the web processes of a slot."""
    paths = server.layout.app(app)
    version = paths.aim(slot)
    name = f"web of v{version}" if version else f"web in slot {slot}"
    limit_s = records.read_app(paths).graceful_limit_s + STOP_MARGIN_S
    with _told_late(lambda: _late([name], limit_s), warn):
        killed = server.host.stop(app, slot)
    if killed:
        warn(_killed([name]))


def stop_background(
    server: Server, app: AppName, instances: Collection[Instance], warn: Warn
) -> None:
    """Stop processes besides web."""
    host, formation = server.host.background, records.read_formation(server.layout.app(app))
    groups = {each: formation.get(each.type, Group(version=0, count=0)) for each in instances}

    def late() -> str:
        left = [each for each in host.running(app) if each in groups]
        limit_s = max((groups[each].graceful_s for each in left), default=0)
        return _late([each.name for each in left], limit_s)

    with _told_late(late, warn):
        killed = host.stop(app, instances)
    if killed:
        warn(_killed(sorted(each.name for each in killed)))


@contextmanager
def _told_late(text: Callable[[], str], warn: Warn) -> Iterator[None]:
    """Warn of what is not over soon."""

    def tell() -> None:
        with suppress(ShipError, OSError):  # what is waited for says itself what went wrong
            if told := text():
                warn(told)

    timer = Timer(_PATIENCE_S, tell)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()


def _late(names: list[str], limit_s: int) -> str:
    if not names:
        return ""
    if len(names) == 1:
        return f"{names[0]} has not ended yet; after {limit_s} s it is killed."
    return f"{', '.join(names)} have not ended yet; after {limit_s} s they are killed."


def _killed(names: list[str]) -> str:
    were = "was" if len(names) == 1 else "were"
    return f"{', '.join(names)} did not end in time, and {were} killed."

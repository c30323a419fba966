"""The story of a rename: an app's processes stop, all that bears its name takes the new one, and
they start again.

Nothing but the name changes: the account keeps its number, so no file of the app changes hands. A
note on disk says what is under way; as long as it is there, everything goes back to the old name.
"""

from collections.abc import Callable
from functools import partial

import msgspec

from receiver.access import grants as access
from receiver.apps.domains import refuse_taken_name
from receiver.apps.lifecycle import start, stop
from receiver.apps.parts import PARTS
from receiver.certificates import asking
from receiver.changes.app_state import read_state, what_remains
from receiver.changes.change import changing, or_undone, repeat
from receiver.machine import files
from receiver.model.errors import ExistsError, ShipError
from receiver.model.layout import Layout
from receiver.model.names import AppName
from receiver.model.plan import Plan
from receiver.server import Server
from receiver.state import records


class _Note(msgspec.Struct, frozen=True):
    old: str
    new: str


def rename(server: Server, old: AppName, new: AppName, warn: Callable[[str], object] = len) -> str:
    """Give an app another name; returns its new URL. `warn` is told of what does not end.

    Raises:
        ShipError: the name is taken, or the app does not come up under it; it has its old name then
    """
    with changing(server, old, f"rename to {new}"), access.changing(server.layout):
        _refuse_taken(server.layout, new)
        refuse_taken_name(server, new)
        note = _Note(old, new)
        records.write_json(server.layout.rename_note, note)
        with or_undone(lambda: _take_back(server, note)):
            _become(server, old, new, warn)
        files.remove(server.layout.rename_note)
    asking.ask_for(server, new)
    return server.url(new)


def recover(server: Server, *, booting: bool) -> None:
    """Give an app its old name back after a rename that was killed.

    While the machine boots, nothing runs that could be told: files are put right, and the boot does
    the rest.
    """
    with access.changing(server.layout):  # a rename that still lives ends first
        note = records.read_json(server.layout.rename_note, _Note)
        if note is not None:
            _take_back(server, note, booting=booting)


def _take_back(server: Server, note: _Note, *, booting: bool = False) -> None:
    _become(server, AppName(note.new), AppName(note.old), booting=booting)
    files.remove(server.layout.rename_note)


def _become(
    server: Server,
    was: AppName,
    name: AppName,
    warn: Callable[[str], object] = len,
    *,
    booting: bool = False,
) -> None:
    """Have what is called `was` be called `name`; what has been done of it already is done no
    more.
    """
    do = partial(_do, server, warn=warn, booting=booting)
    if server.layout.app(was).settings.exists():
        stop(what_remains(server, server.layout.app(was)), do)
    for part in PARTS:
        part.rename(server, was, name)
    start(read_state(server, server.layout.app(name)), do, booting=booting)


def _do(server: Server, plan: Plan, *, warn: Callable[[str], object], booting: bool) -> None:
    """Do steps that need no opposites: going back is the same story with the names exchanged."""
    for step in plan:
        try:
            repeat(server, (step,), warn)
        except ShipError:
            if not booting:  # nginx, for one, is not there yet to read the file that now is right
                raise


def _refuse_taken(layout: Layout, name: AppName) -> None:
    if layout.app(name).home.exists() or layout.repo(name).exists():
        raise ExistsError(
            f"There is an app {name} already.",
            advice="Choose another name.",
            reason="exists/app",
        )

"""All that can be half done, wherever that is on record, for every command and boot to undo."""

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from receiver.model.layout import Layout
from receiver.model.names import AppName
from receiver.server import Server

if TYPE_CHECKING:
    from receiver.changes.recovery import Failed


class Record(NamedTuple):
    """A kind of record, in no app's folder, of what is half done."""

    is_there: Callable[[Layout], bool]
    undo: Callable[[Server, bool], None]
    """Told whether the machine boots, when nothing runs. What somebody is at, it leaves alone."""


def settle(server: Server, *, booting: bool = False, failed: "Failed | None" = None) -> None:
    """Undo what was cut off outside of one app's folder: what is inside, its next change undoes.

    While the machine boots, what cannot be undone keeps nothing else from it.
    """
    for record in RECORDS:
        try:
            if record.is_there(server.layout):
                record.undo(server, booting)
        except Exception as error:
            if not booting:
                raise
            if failed is not None:
                failed(None, error)


def recover_all(
    server: Server, *, booting: bool = False, failed: "Failed | None" = None
) -> list[AppName]:
    """Undo all that was cut off, of apps too; returns those of which a change was."""
    from receiver.changes import recovery  # noqa: PLC0415 - as below

    settle(server, booting=booting, failed=failed)
    told = {} if failed is None else {"failed": failed}
    return recovery.recover_apps(server, waiting=not booting, **told)


def _rename(server: Server, booting: bool) -> None:  # noqa: FBT001 - one of `RECORDS`
    from receiver.apps import renaming  # noqa: PLC0415 - half of ship, for every command to import

    renaming.recover(server, booting=booting)


def _clones(server: Server, booting: bool) -> None:  # noqa: FBT001 - one of `RECORDS`
    from receiver.apps import clone_notes  # noqa: PLC0415 - as above

    if not booting:  # nothing runs yet that could be told to let go of an app
        clone_notes.recover(server)


def _machine(server: Server, _: bool) -> None:  # noqa: FBT001 - one of `RECORDS`
    from receiver.access import grants  # noqa: PLC0415 - as above
    from receiver.changes.recovery import recover_machine  # noqa: PLC0415 - as above

    with grants.changing(server.layout):
        recover_machine(server)


def _packages(server: Server, _: bool) -> None:  # noqa: FBT001 - one of `RECORDS`
    server.host.system_packages.settle()


def _hardening(server: Server, booting: bool) -> None:  # noqa: FBT001 - one of `RECORDS`
    from receiver.hardening import story  # noqa: PLC0415 - as above

    story.go_back(server.layout, _unheard, booting=booting)


def _unheard(_name: str, _said: str) -> None:
    """Nobody reads what goes back: the next look shows it."""


RECORDS = (
    Record(lambda layout: layout.rename_note.exists(), _rename),
    Record(lambda layout: any(layout.clones.glob("[!.]*.json")), _clones),
    Record(lambda layout: layout.journal.exists(), _machine),
    Record(lambda layout: layout.packages_note.exists(), _packages),
    Record(lambda layout: layout.hardening_pending.exists(), _hardening),
)

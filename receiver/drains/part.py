"""An app's log drains as a part of it."""

from collections.abc import Iterator, Sequence

from receiver.changes.app_state import AppState
from receiver.changes.part import Do, Part
from receiver.drains import records


class DrainProcesses(Part):
    """The processes that send the app's log on; a clone has none."""

    def start(self, app: AppState, do: Do, *, booting: bool) -> None:
        records.start_all(app.server, app.name)

    def withdraw(self, app: AppState, do: Do) -> None:
        """After all that writes has ended, so that its last lines are sent."""
        records.end_all(app.server, app.name)

    def renew(self, apps: Sequence[AppState], *, dry_run: bool) -> Iterator[str]:
        """They run for ever, and import what they need when they need it."""
        if dry_run:
            return
        for app in apps:
            for name in records.renew_all(app.server, app.name):
                yield f"start the drain {name} of {app.name} anew"

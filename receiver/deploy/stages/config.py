"""The config vars of an app: those that are stored, and those that its releases run with."""

from collections.abc import Mapping

from receiver.changes.app_state import AppState
from receiver.changes.change import AppChange
from receiver.model.plan import WriteFile
from receiver.model.release import Release
from receiver.state import records


def stored(app: AppState) -> dict[str, str]:
    """The app's own, with those that no release runs with yet."""
    return records.read_config(app.paths.config)


def of_live(app: AppState) -> dict[str, str]:
    """Those of the live release; none before the first, and where nobody can read them any more."""
    return known_of_live(app) or {}


def known_of_live(app: AppState) -> dict[str, str] | None:
    """The same; None where there is nothing to know them by."""
    if app.release is None:
        return None
    return records.readable_config(app.paths.release(app.release.version).env)


def of_release(app: AppState, release: Release) -> dict[str, str]:
    """Those that an earlier release runs with, or ran with."""
    return records.read_config(app.paths.release(release.version).env)


def change_config(work: AppChange, config: Mapping[str, str]) -> None:
    """Make these the app's own; the ones before come back if the change does not stand."""
    work.do(WriteFile(str(work.paths.config), records.config_text(config), 0o600))

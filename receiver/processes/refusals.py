"""Refuses a change of processes that the app does not have."""

from receiver.changes.app_state import AppState
from receiver.model.errors import NotFoundError
from receiver.model.formation import WEB


def check_some(app: AppState) -> None:
    """Refuse an app that has nothing to run."""
    if not app.types:
        raise _no_process(app, WEB)


def check_type(app: AppState, process_type: str | None) -> None:
    """Refuse a process type that the live release does not have; None stands for all."""
    if process_type is not None and process_type not in app.types:
        raise _no_process(app, process_type)


def _no_process(app: AppState, process_type: str) -> NotFoundError:
    if app.release is None:
        return NotFoundError(
            f"{app.name} has no {process_type} process.",
            detail="It has no release yet.",
            advice="Push some code: `git push prod main`.",
            reason="not-found/process",
        )
    import difflib  # noqa: PLC0415 - only this error needs it

    known, close = ", ".join(app.types), difflib.get_close_matches(process_type, app.types, n=1)
    meant = "Process types are the names before the colons of the Procfile."
    return NotFoundError(
        f"{app.name} has no {process_type} process.",
        detail=f"Its process types are: {known}." if known else "Its Procfile names none that run.",
        advice=f"Did you mean {close[0]}?" if close else meant,
        reason="not-found/process",
    )

"""An app's processes as they are before somebody changes them, and the refusal of what it does
not have.
"""

import difflib
from dataclasses import dataclass

from receiver.model.errors import NotFoundError
from receiver.model.formation import WEB
from receiver.model.layout import AppPaths
from receiver.model.names import AppName
from receiver.model.release import Live, Release
from receiver.model.settings import App
from receiver.planner.formation import background_types
from receiver.server import Server
from receiver.state import records


@dataclass(frozen=True, slots=True)
class Now:
    """An app as it is before a change of its processes."""

    server: Server
    paths: AppPaths
    settings: App
    scale: dict[str, int]
    live: Live | None
    release: Release | None

    @property
    def name(self) -> AppName:
        return self.paths.name

    @property
    def has_web(self) -> bool:
        return self.release is not None and self.release.served == "process"

    @property
    def types(self) -> list[str]:
        """The process types of the live release that run."""
        return [*([WEB] if self.has_web else []), *background_types(self.release)]

    @property
    def serving(self) -> tuple[Live, Release]:
        """What serves, of an app that has a web process."""
        if self.live is None or self.release is None:
            raise _no_process(self, WEB)
        return self.live, self.release


def now_of(server: Server, paths: AppPaths) -> Now:
    """The app as it is; ask under its lock to plan a change."""
    live, release = records.read_live_release(paths)
    return Now(server, paths, records.read_app(paths), records.read_scale(paths), live, release)


def check_some(now: Now) -> None:
    """Refuse an app that has nothing to run."""
    if not now.types:
        raise _no_process(now, WEB)


def check_type(now: Now, process_type: str | None) -> None:
    """Refuse a process type that the live release does not have; None stands for all."""
    if process_type is not None and process_type not in now.types:
        raise _no_process(now, process_type)


def _no_process(now: Now, process_type: str) -> NotFoundError:
    if now.release is None:
        return NotFoundError(
            f"{now.name} has no {process_type} process.",
            detail="It has no release yet.",
            advice="Push some code: `git push prod main`.",
            reason="not-found/process",
        )
    known, close = ", ".join(now.types), difflib.get_close_matches(process_type, now.types, n=1)
    meant = "Process types are the names before the colons of the Procfile."
    return NotFoundError(
        f"{now.name} has no {process_type} process.",
        detail=f"Its process types are: {known}." if known else "Its Procfile names none that run.",
        advice=f"Did you mean {close[0]}?" if close else meant,
        reason="not-found/process",
    )

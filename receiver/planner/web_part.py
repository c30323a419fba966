"""Whether a release leaves visitors with nothing, and whether somebody meant it to.

Pure.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from receiver.model.commandline import split_words
from receiver.model.errors import BuildError
from receiver.model.formation import WEB
from receiver.model.release import Release

_SERVERS = frozenset(
    {"gunicorn", "uvicorn", "hypercorn", "daphne", "granian", "waitress-serve", "uwsgi"}
)
_SLIP = 0.65
"""`wbe`, `we` and `webs` are as like as this, `webhook` and `worker` are not."""


class WebPart(NamedTuple):
    """What a release to be has for visitors."""

    lines: Mapping[str, str]
    """Command lines by process type."""
    pages: bool = False
    """Whether nginx serves the app's address from files."""
    wanted: bool = True
    """Whether there is to be a web process at all, by the ship.toml of its tree."""

    @classmethod
    def of(cls, release: Release) -> "WebPart":
        """That of a release which is described whole."""
        return cls(release.lines, "/" in release.static, release.web)


def refuse_lost(new: WebPart, live: Release | None, *, stopped: bool) -> None:
    """Refuse what would end a site that serves, or never begin one, by a slip of the pen.

    `stopped` is whether web was stopped on purpose.

    Raises:
        BuildError: nothing of it serves, and nobody said that nothing should
    """
    if new.pages or WEB in new.lines or not new.wanted or stopped:
        return
    meant = _meant(new.lines)
    if live is not None and live.served != "nothing":
        raise _refused(
            f"This release has no web process, and {live.label} has one: the site would go down.",
            new.lines,
            meant,
            "If the site is to end, say so first: `ship ps:scale web=0`, or `web = false` at "
            "the top of ship.toml.",
        )
    if meant is not None:
        raise _refused(
            f"No process type is called web, and `{meant}` looks like it was meant to be.",
            new.lines,
            meant,
            "If the app is to have no web process, write `web = false` at the top of ship.toml.",
        )


def _refused(title: str, lines: Mapping[str, str], meant: str | None, otherwise: str) -> BuildError:
    repair = f"Write `web:` in place of `{meant}:`." if meant else "Add a `web:` line."
    return BuildError(
        title,
        detail=f"{_found(lines)} Only the type web gets visitors.",
        advice=f"{repair} {otherwise}",
        reason="build/no-web",
    )


def _found(lines: Mapping[str, str]) -> str:
    if not lines:
        return "It has no process types at all."
    return f"Its process types: {', '.join(lines)}."


def _meant(lines: Mapping[str, str]) -> str | None:
    """The type that was most likely to be web: by its name, else by what it runs."""
    import difflib  # noqa: PLC0415 - only this error needs it

    by_name = difflib.get_close_matches(WEB, lines, n=1, cutoff=_SLIP)
    by_command = (name for name, line in lines.items() if _serves(line))
    return next((name for found in (by_name, by_command) for name in found), None)


def _serves(line: str) -> bool:
    return not _SERVERS.isdisjoint(_programs(line))


def _programs(line: str) -> Iterable[str]:
    words = [word.text for word in split_words(line) or ()] or line.split()
    return (word.rpartition("/")[2] for word in words)

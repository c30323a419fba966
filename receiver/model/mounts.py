"""Where an app's storage appears for its processes: how it is typed, kept and shown. Values only.

Kept as text by text: the place where it appears, and the place in the storage, which ends with a
slash where it is a folder. A place in the release's own tree is written without a slash in front.
"""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from receiver.model.errors import UsageError
from receiver.model.patterns import regex

Mounts = Mapping[str, str]
_STEP = 1024
_SHOWN = 4
RESCUED = "rescued"
"""Folder of the storage for what a release had written into its own tree, and nobody asked to
keep."""
_PART = regex(r"(?!\.{1,2}$)[A-Za-z0-9_.@+,~-]{1,100}")
_DATABASE = regex(r".*\.(?:sqlite3?|db3?)", re.IGNORECASE)
_FORBIDDEN = frozenset({".git", "__pycache__"})


class Wish(NamedTuple):
    """What somebody typed: `media`, `uploads:media`, `/data` or `uploads:/app/media`."""

    path: str
    place: str | None
    """None where only the path was said."""


def parse_mount(text: str) -> Wish:
    """A mount as it is typed.

    Raises:
        UsageError: it is none
    """
    place, colon, path = text.rpartition(":")
    if colon and place.startswith("/"):
        raise _not_a_mount(
            text,
            "What is in front of the colon is a name in the app's storage, which lies where "
            "ship keeps it.",
        )
    absolute = path.startswith("/")
    parts = _parts(text, path)
    if colon and place == ".":
        return Wish("/" * absolute + "/".join(parts), "")
    kept = "/".join(_parts(text, place)) if colon else None
    if kept and kept.split("/")[0] == RESCUED:
        raise _not_a_mount(text, f"The name {RESCUED} is kept for what is put aside.")
    return Wish("/" * absolute + "/".join(parts), kept)


def parse_place(text: str) -> str:
    """A path in the storage, as it is typed; empty for the storage itself.

    Raises:
        UsageError: it leads out of it
    """
    if text.strip("/") in {"", "."} and not text.startswith("/"):
        return ""
    if text.startswith("/"):
        raise _not_a_mount(
            text, "Paths are those below the app's storage, without a slash in front."
        )
    return "/".join(part for part in text.split("/") if part) if _is_inside(text) else _refuse(text)


def is_database_name(path: str) -> bool:
    """Whether a file of this name holds an SQLite database, as people name them."""
    return _DATABASE.fullmatch(path) is not None


def in_tree(mounts: Mounts) -> dict[str, str]:
    """Those that appear in the release's own tree."""
    return {path: place for path, place in mounts.items() if not path.startswith("/")}


def outside(mounts: Mounts) -> dict[str, str]:
    """Those that are not in the release's own tree."""
    return {path: place for path, place in mounts.items() if path.startswith("/")}


def not_here(path: str, why: str, advice: str) -> UsageError:
    """The error for a path at which this machine cannot have the storage appear."""
    return UsageError(
        f"The app's storage cannot be mounted at {path}.",
        detail=why,
        advice=advice,
        reason="usage/mount-not-here",
    )


def overlapping(mounts: Mounts, path: str) -> str | None:
    """A mount that lies in this one, or around it."""
    return next(
        (
            known
            for known in mounts
            if known != path
            and (f"{known}/".startswith(f"{path}/") or f"{path}/".startswith(f"{known}/"))
        ),
        None,
    )


def hidden(path: str, names: Sequence[str]) -> str:
    """What a push says of its own files at a place where the storage appears."""
    some = ", ".join(names[:_SHOWN]) + (" and more" if len(names) > _SHOWN else "")
    return (
        f"{path} is the app's storage, which hides what the code has there: {some}."
        f" `ship storage:put` takes files there, `ship storage:unmount {path}` shows the code's."
    )


def shown_size(count: int) -> str:
    """Bytes as people read them: `0`, `132K`, `3.1M`, `2.0G`."""
    size = float(count)
    for unit in ("", "K", "M"):
        if size < _STEP:
            return f"{size:.1f}{unit}" if unit == "M" else f"{size:.0f}{unit}"
        size /= _STEP
    return f"{size:.1f}G"


def _parts(text: str, path: str) -> list[str]:
    parts = [part for part in path.split("/") if part not in {"", "."}]
    if not parts:
        raise _not_a_mount(text, "It names no folder or file.")
    for part in parts:
        if not _PART.fullmatch(part) or part in _FORBIDDEN:
            raise _not_a_mount(text, f"{part!r} cannot be a part of it.")
    return parts


def _is_inside(text: str) -> bool:
    return ".." not in text.split("/") and "\0" not in text and "\n" not in text


def _refuse(text: str) -> str:
    raise _not_a_mount(text, "It leads out of the app's storage.")


def _not_a_mount(text: str, why: str) -> UsageError:
    return UsageError(
        f"{text!r} cannot be a place of an app's storage.",
        detail=why,
        advice="Name a folder or file as the code does, such as `media` or `db.sqlite3`.",
        reason="usage/bad-mount",
    )

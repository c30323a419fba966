"""What an app has written into its release's own tree, where the next release does not have it;
and saving it.

Whether there is any is told by the times of the files, which costs a push a few milliseconds. What
there is, is compared with what was built by `own_files`, and with what is live, byte for byte, by
the app's own account.
"""

from collections.abc import Iterable, Sequence
from operator import attrgetter
from textwrap import fill

import msgspec

from receiver.changes.app_state import AppState
from receiver.model.errors import ServerError, UsageError
from receiver.model.layout import ReleasePaths
from receiver.model.mounts import RESCUED, in_tree, parse_mount, shown_size
from receiver.storage import account_files, own_files
from receiver.storage.own_files import Own

_SHOWN = 12
_COLUMNS = 64
KEPT_RESCUES = 3
"""Of how many releases what was put aside is kept, however old."""
_KEPT_S = 7 * 24 * 3600
"""How long all of it is kept, while there is space."""


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """What an app wrote into its release's own tree: a file, or the topmost folder that the build
    did not have.
    """

    path: str
    size: int
    files: int = 1
    database: bool = False
    """Whether it is an SQLite database, or a folder with one."""
    folder: bool = False


def look(app: AppState, version: int) -> tuple[Written, ...]:
    """What the processes of a release have written into its own tree, largest first; databases
    before all else.

    Raises:
        ServerError: the tree cannot be looked through
    """
    # of a file that is as old and as large as it was built, the bytes are not asked before it goes
    return _sorted(_written(it) for it in _own(app, version) if not it.as_old)


def databases(app: AppState, version: int) -> tuple[Written, ...]:
    """The databases among it."""
    return tuple(it for it in look(app, version) if it.database)


def rescue(app: AppState, version: int, live: int, *, short_of_space: bool) -> tuple[Written, ...]:
    """Put aside what a release that is about to lose its tree had written there, but for what is
    byte for byte in the tree of the live one.

    Returns:
        what now lies in the storage, below `rescued/vN`

    Raises:
        ShipError: not all could be put aside; the rest is where it was
    """
    found, paths = _own(app, version), app.paths
    if not found:
        return ()
    home = paths.release(version)
    digests = own_files.digests(home, [it.path for it in found if it.as_large])
    request = {
        "source": str(home.source),
        "live": str(paths.release(live).source),
        "storage": str(paths.storage),
        "label": f"v{version}",
        "items": [
            {"path": it.path, "folder": it.folder, "digest": digests.get(it.path)} for it in found
        ],
        "keep": {"newest": KEPT_RESCUES, "seconds": 0 if short_of_space else _KEPT_S},
    }
    answer = account_files.do(app.server.host, paths, "rescue", request)
    kept, of_sqlite = set(answer["kept"]), set(answer["databases"])
    return _sorted(
        _written(it._replace(database=it.path in of_sqlite or (it.folder and it.database)))
        for it in found
        if it.path in kept
    )


def told_of_rescue(left: Sequence[Written], version: int, live: int) -> str:
    """What a push says of what was put aside."""
    words = _mountable(left)
    back = [f"To have it back and keep it:\n`ship storage:mount {words} --from v{version}`"]
    rest = not all(_is_mountable(it.path) for it in left) or len(left) > _SHOWN
    return "\n".join(
        (
            f"v{version} had written into its own folder, and v{live} begins without that:",
            _listed(left),
            f"Nothing is lost: it is in the app's storage, in {RESCUED}/v{version}, for",
            f"a week, and until {KEPT_RESCUES} such are newer.",
            *(back if words else ()),
            *([f"`ship storage:get {RESCUED}/v{version}` copies all of it."] if rest else ()),
        )
    )


def told(found: Sequence[Written], version: int) -> str:
    """What is said of a live release: what the next one would leave behind, and what keeps it."""
    words = _mountable(found)
    if words and all(it.database for it in found):
        return _told_of_databases(found, version)
    keep = f"To keep it: `ship storage:mount {words}`,\nor have" if words else "To keep it, have"
    return (
        f"v{version} wrote into its own folder what the next release will lack:\n"
        f"{_listed(found)}\n"
        f"{keep} the app write below $SHIP_STORAGE."
    )


def _told_of_databases(found: Sequence[Written], version: int) -> str:
    them = "a database" if len(found) == 1 else "databases"
    return (
        f"v{version} has {them} in its own folder: {_listed(found).strip()}.\n"
        "The next release begins without it.\n"
        f"To keep it over releases, every row of it: `ship storage:mount {_mountable(found)}`"
    )


def _own(app: AppState, version: int) -> list[Own]:
    home = app.paths.release(version)
    if not own_files.has_any(home):
        return []
    try:
        return own_files.find(home, in_tree(app.settings.mounts))
    except OSError as error:
        raise _not_looked_through(home, error) from error


def _not_looked_through(home: ReleasePaths, error: OSError) -> ServerError:
    return ServerError(
        f"What the app wrote into {home.source} could not be looked through.",
        detail=str(error),
        advice="Does the app move its folders all the time? Try again when it does less.",
        reason="server/storage",
    )


def _written(own: Own) -> Written:
    return Written(
        path=own.path, size=own.size, files=own.files, database=own.database, folder=own.folder
    )


def _sorted(found: Iterable[Written]) -> tuple[Written, ...]:
    return tuple(sorted(found, key=lambda it: (not it.database, -it.size, it.path)))


def _mountable(found: Sequence[Written]) -> str:
    """What would have to be mounted, as words of a command: those that it takes."""
    return " ".join(sorted((it.path for it in found[:_SHOWN] if _is_mountable(it.path)), key=len))


def _is_mountable(path: str) -> bool:
    try:
        return parse_mount(path).path == path
    except UsageError:
        return False


def _listed(found: Sequence[Written]) -> str:
    """Such as `db.sqlite3 (SQLite, 132K), media (12 files, 3.1M)`, in lines of their own."""
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    listed = ", ".join(map(_shown, sorted(found[:_SHOWN], key=attrgetter("path")))) + more
    margin = "  "
    return fill(
        listed,
        _COLUMNS,
        initial_indent=margin,
        subsequent_indent=margin,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _shown(it: Written) -> str:
    kind = "SQLite, " if it.database and not it.folder else ""
    kind = f"{it.files} files, " if it.files > 1 and not kind else kind
    name = "".join(letter if letter.isprintable() else "?" for letter in it.path)
    return f"{name} ({kind}{shown_size(it.size)})"

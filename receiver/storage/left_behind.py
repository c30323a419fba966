"""What an app has written into its release's own tree, where the next release does not have it;
and saving it.

Found by the times of the files alone, which costs a push a few milliseconds; what is found is
compared with the release's slug. Root looks at names, sizes and times, and opens nothing in such a
tree.
"""

import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import islice
from tarfile import TarError
from typing import NamedTuple

import msgspec

from receiver.changes.app_state import AppState
from receiver.model.build import Tree
from receiver.model.errors import BuildError
from receiver.model.layout import ReleasePaths
from receiver.model.mounts import RESCUED, is_database_name, shown_size
from receiver.storage import account_files

_PASSED_OVER = frozenset(
    {"__pycache__", "node_modules", ".git", ".cache", ".mypy_cache", ".pytest_cache", ".ruff_cache"}
)
_PASSED_ENDINGS = (
    ".pyc",
    ".pyo",
    ".pid",
    ".sock",
    ".lock",
    "-wal",
    "-shm",
    "-journal",
    ".ship-link",
)
_MOST_LOOKED_AT = 20_000
_MOST_FOUND = 2000
_SHOWN = 4
_DEEPEST = 60
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
KEPT_RESCUES = 3
"""Of how many releases what was put aside is kept."""


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """A file that an app wrote into its release's own tree."""

    path: str
    size: int
    database: bool = False
    """Whether it is an SQLite database."""


class _Found(NamedTuple):
    path: str
    size: int
    mtime: int


def look(app: AppState, version: int) -> tuple[Written, ...]:
    """What the processes of a release have written into its own tree, largest first; databases
    before all else.
    """
    home = app.paths.release(version)
    found = _changed(home, _newer(home))
    if not found:
        return ()
    request = {"source": str(home.source), "paths": [each.path for each in found]}
    known = set(account_files.look(app.server.host, app.paths, "classify", request)["databases"])
    written = (Written(path=it.path, size=it.size, database=it.path in known) for it in found)
    return tuple(sorted(written, key=lambda it: (not it.database, -it.size, it.path)))


def databases(app: AppState, version: int) -> tuple[Written, ...]:
    """The databases among it; asked of names that are a database's alone, so that a push pays no
    more than a look.
    """
    home = app.paths.release(version)
    if not any(is_database_name(each.path) for each in _newer(home)):
        return ()
    return tuple(it for it in look(app, version) if it.database)


def rescue(app: AppState, version: int, live: int) -> tuple[Written, ...]:
    """Put aside what a release that is about to lose its tree had written there, and the live
    one has not made anew.

    Returns:
        what now lies in the storage, below `rescued/vN`
    """
    paths = app.paths
    left = tuple(it for it in look(app, version) if not _made_anew(paths.release(live), it))
    if left:
        request = {
            "source": str(paths.release(version).source),
            "storage": str(paths.storage),
            "label": f"v{version}",
            "paths": [it.path for it in left],
            "keep": KEPT_RESCUES,
        }
        account_files.do(app.server.host, paths, "rescue", request)
    return left


def told_of_rescue(left: Sequence[Written], version: int, live: int) -> str:
    """What a push says of what was put aside."""
    tops = _tops(left)
    return (
        f"v{version} had written into its own folder, and v{live} begins without that: "
        f"{_listed(left)}.\n"
        f"Nothing is lost: it lies in the app's storage, in {RESCUED}/v{version}, until "
        f"{KEPT_RESCUES} such are newer.\n"
        f"To have it back and keep it: `ship storage:mount {' '.join(tops)} --from v{version}`"
    )


def told_of_databases(found: Sequence[Written], version: int) -> str:
    """What a push says of a database that the next push would leave behind."""
    them = "a database" if len(found) == 1 else "databases"
    return (
        f"v{version} has {them} in its own folder: {_listed(found)}. The next release "
        "begins without it.\n"
        "To keep it over releases, every row of it: `ship storage:mount "
        f"{' '.join(it.path for it in found[:_SHOWN])}`"
    )


def told(found: Sequence[Written], version: int) -> str:
    """What is said of a live release on demand."""
    return (
        f"v{version} wrote into its own folder, which the next release does not have: "
        f"{_listed(found)}.\n"
        f"To keep it: `ship storage:mount {' '.join(_tops(found))}`, or have the app write "
        "below $SHIP_STORAGE."
    )


def _newer(home: ReleasePaths) -> list[_Found]:
    """Files that were made or changed after the release was built."""
    try:
        built = home.built.stat().st_mtime_ns
        top = os.open(home.source, _FOLDER)
    except OSError:
        return []  # of a release that was built before ship took note of it, or whose tree is gone
    try:
        looked_at = islice(_walk(top, "", 0), _MOST_LOOKED_AT)
        newer = (
            _Found(path, status.st_size, int(status.st_mtime))
            for path, status in looked_at
            if status.st_ctime_ns > built and not path.endswith(_PASSED_ENDINGS)
        )
        return list(islice(newer, _MOST_FOUND))
    finally:
        os.close(top)


def _walk(folder: int, prefix: str, depth: int) -> Iterator[tuple[str, os.stat_result]]:
    """Regular files below a folder, by descriptors: a folder that becomes a link meanwhile is
    not followed.
    """
    folders = []
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                folders.append(entry.name)
            elif entry.is_file(follow_symlinks=False):
                with suppress(FileNotFoundError):
                    yield f"{prefix}{entry.name}", entry.stat(follow_symlinks=False)
    for name in folders:
        if name in _PASSED_OVER or depth == _DEEPEST:
            continue
        with suppress(OSError), _opened(name, folder) as inner:
            yield from _walk(inner, f"{prefix}{name}/", depth + 1)


@contextmanager
def _opened(name: str, folder: int) -> Iterator[int]:
    fd = os.open(name, _FOLDER, dir_fd=folder)
    try:
        yield fd
    finally:
        os.close(fd)


def _changed(home: ReleasePaths, found: Sequence[_Found]) -> list[_Found]:
    """Those that are not as the build left them."""
    if not found:
        return []
    try:
        with home.slug.open("rb") as archive:
            built = Tree(archive).members
    except (OSError, TarError, BuildError):
        return list(found)
    return [
        each
        for each in found
        if (member := built.get(each.path)) is None
        or (member.size, int(member.mtime)) != (each.size, each.mtime)
    ]


def _made_anew(live: ReleasePaths, written: Written) -> bool:
    """Whether the live release has made the same file again, as its release phase collects
    static files; never said of a database.
    """
    if written.database:
        return False
    try:
        status = os.lstat(live.source / written.path)
    except OSError:
        return False
    return stat.S_ISREG(status.st_mode) and status.st_size == written.size


def _tops(found: Iterable[Written]) -> list[str]:
    """What would have to be mounted: databases by themselves, other files by their folder."""
    names = (
        it.path if it.database or "/" not in it.path else it.path.rpartition("/")[0] for it in found
    )
    chosen: list[str] = []
    for name in sorted(dict.fromkeys(names), key=len):
        if not any(f"{name}/".startswith(f"{known}/") for known in chosen):
            chosen.append(name)
    return chosen[:_SHOWN]


def _listed(found: Sequence[Written]) -> str:
    """Such as `db.sqlite3 (SQLite, 132K), media (12 files, 3.1M)`."""
    shown = []
    for top in _tops(found):
        inside = [it for it in found if it.path == top or it.path.startswith(f"{top}/")]
        size = shown_size(sum(it.size for it in inside))
        kind = "SQLite" if inside[0].path == top and inside[0].database else f"{len(inside)} files"
        shown.append(f"{top} ({'' if kind == '1 files' else f'{kind}, '}{size})")
    all_tops = len({it.path.partition("/")[0] for it in found})
    return ", ".join(shown) + (" and more" if all_tops > len(shown) else "")

"""What changed files of a checkout mean for the app that runs from it, and which folders are
worth watching. Pure.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Literal, NamedTuple

from receiver.model.patterns import regex

Meaning = Literal["nothing", "code", "build"]
"""`build`: what is to be installed or run may be something else now; `code`: the same, of other
code."""

_BUILD = regex(
    r"(?:.*/)?(?:requirements[^/]*\.txt|requirements/[^/]+\.txt|constraints[^/]*\.txt)"
    r"|(?:.*/)?(?:Procfile|ship\.toml|app\.json|runtime\.txt|\.python-version|nltk\.txt)"
    r"|(?:.*/)?(?:pyproject\.toml|setup\.(?:py|cfg)|uv\.lock|poetry\.lock|Pipfile|Pipfile\.lock)"
)
_CODE = regex(
    r".*\.(?:py|html?|jinja2?|j2|mako|po|mo|toml|ini|cfg|ya?ml|sql|css|js|svg)", re.IGNORECASE
)
"""Of a file that is new, and that git does not know yet: what people write, and programs seldom."""
_DATA = regex(
    r".*(?:\.(?:sqlite3?|db|log|pid|sock|lock|tmp|swp|swx|swo|part|bak|pyc|pyo)|-journal|-wal|-shm|~)"
    r"|(?:.*/)?(?:\.#[^/]*|#[^/]*#|4913|\.[^/]*\.[A-Za-z0-9]{6}|[^/]*___jb_(?:tmp|old)___)",
    re.IGNORECASE,
)
"""What the app writes itself, and what editors put beside a file while they save it."""


class Stamp(NamedTuple):
    """What a file is told from its next edition by."""

    inode: int
    mode: int
    size_bytes: int
    modified_ns: int


class Watch(NamedTuple):
    """A folder, from the top of the checkout; `whole` for all that is below it too."""

    folder: str
    whole: bool


def meaning(path: str, known: Collection[str], env_files: Collection[str]) -> Meaning:
    """What a change of one file means; `known` are the files that the app was made of so far."""
    if path in env_files or _BUILD.fullmatch(path):
        return "build"
    if _DATA.fullmatch(path):
        return "nothing"
    return "code" if path in known or _CODE.fullmatch(path) else "nothing"


def is_news(path: str, before: Mapping[str, Stamp], now: Mapping[str, Stamp]) -> bool:
    """Whether a file is another one than at the last look; one that is not there counts as such.

    The system may report a change late: of a large checkout in parts, the last of them when all of
    it was read.
    """
    return path not in now or before.get(path) != now[path]


def changed(before: Mapping[str, Stamp], now: Mapping[str, Stamp]) -> set[str]:
    """The files that came, went, or are others than at the last look."""
    return {path for path in before.keys() | now.keys() if before.get(path) != now.get(path)}


def plan_watches(paths: Iterable[str], ignored: Collection[str]) -> list[Watch]:
    """The fewest watches that see every file and stay out of large folders that are ignored.

    Caches of Python do not count as such: they are small, and everywhere.
    """
    large = [path for path in ignored if not path.endswith("__pycache__")]
    folders = {
        "/".join(parts[:depth])
        for parts in (path.split("/")[:-1] for path in paths)
        for depth in range(1, len(parts) + 1)
    }
    return list(_watches("", folders, large))


def _watches(folder: str, folders: Collection[str], large: Collection[str]) -> Iterator[Watch]:
    # the top holds .git and .ship
    whole = bool(folder) and not any(path.startswith(f"{folder}/") for path in large)
    yield Watch(folder, whole)
    if not whole:
        prefix = f"{folder}/" if folder else ""
        for child in sorted(folders):
            if child.startswith(prefix) and "/" not in child.removeprefix(prefix) and child:
                yield from _watches(child, folders, large)


def shown(paths: Collection[str]) -> str:
    """Changed files, in a few words."""
    first = min(paths, default="")
    return first if len(paths) == 1 else f"{first} and {len(paths) - 1} more"

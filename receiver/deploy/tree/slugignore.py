"""Takes what .slugignore names out of a pushed archive."""

from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from tarfile import TarInfo
from typing import NamedTuple

from receiver.deploy.tree.archives import rewrite
from receiver.model.build import Tree
from receiver.model.errors import BuildError
from receiver.model.output import Output

FILE_NAME = ".slugignore"
_MOST_PATTERNS = 1_000
_MOST_STEPS = 50_000_000
"""Parts of patterns, tried on parts of names; a second is a million or two."""
_ANYWHERE = "**"


class Pattern(NamedTuple):
    """A line of the file."""

    parts: tuple[str, ...]
    """For each folder on the way what its name is like; `**` is any number of them."""
    folder: bool
    """Whether it means folders alone."""


def parse_slugignore(data: bytes) -> tuple[tuple[Pattern, ...], tuple[str, ...]]:
    """The patterns of the file, and the lines that count for nothing: `!name` brings nothing back,
    as on Heroku.

    Raises:
        BuildError: there are more than anybody writes
    """
    text = data.decode("utf-8-sig", "surrogateescape")
    lines = [line.strip() for line in text.splitlines()]
    lines = [line for line in lines if line and not line.startswith("#")]
    if len(lines) > _MOST_PATTERNS:
        raise BuildError(
            f"{FILE_NAME} has more than {_MOST_PATTERNS:,} lines.",
            detail=f"It has {len(lines):,}.",
            advice="Name folders, or use patterns such as `*.psd`.",
            reason="build/slugignore-too-long",
        )
    patterns = [_pattern(line) for line in lines if not line.startswith("!")]
    return tuple(it for it in patterns if it.parts), tuple(it for it in lines if it.startswith("!"))


def left_out(members: Mapping[str, TarInfo], patterns: Sequence[Pattern]) -> frozenset[str]:
    """Names of all files and folders that are left out: what a pattern fits, and all below it."""
    return frozenset(_left_out(members, patterns))


def _left_out(members: Mapping[str, TarInfo], patterns: Sequence[Pattern]) -> Iterator[str]:
    for name, member in members.items():
        parts = tuple(name.split("/"))
        if any(_fits(parts, pattern, folder=member.isdir()) for pattern in patterns):
            yield name


def _pattern(line: str) -> Pattern:
    parts = tuple(part for part in line.split("/") if part not in {"", "."})
    anywhere = () if line.startswith("/") else (_ANYWHERE,)
    return Pattern((*anywhere, *parts) if parts else (), line.endswith("/"))


def _fits(parts: Sequence[str], pattern: Pattern, *, folder: bool) -> bool:
    """Whether a pattern fits a path, or a folder on its way; all ways through the pattern are
    followed at once.
    """
    at = _onward({0}, pattern.parts)
    for number, part in enumerate(parts, start=1):
        at = _onward(set(_steps(at, part, pattern.parts)), pattern.parts)
        is_folder = folder or number < len(parts)
        if len(pattern.parts) in at and (is_folder or not pattern.folder):
            return True
    return False


def _steps(at: set[int], part: str, wanted: Sequence[str]) -> Iterator[int]:
    for place in at:
        if place == len(wanted):
            continue
        if wanted[place] == _ANYWHERE:
            yield place
        elif fnmatchcase(part, wanted[place]):
            yield place + 1


def _onward(at: set[int], wanted: Sequence[str]) -> set[int]:
    """With the places behind a `**`, which may stand for nothing."""
    found = set(at)
    for place in sorted(at):
        while place < len(wanted) and wanted[place] == _ANYWHERE:
            place += 1  # noqa: PLW2901 - it moves on through several
            found.add(place)
    return found


def _refuse_too_many_steps(members: Mapping[str, TarInfo], patterns: Sequence[Pattern]) -> None:
    """Refuse what would keep a processor busy for minutes.

    Raises:
        BuildError: so many patterns are not tried on so many names
    """
    names = sum(name.count("/") + 1 for name in members)
    steps = names * sum(len(pattern.parts) for pattern in patterns)
    if steps > _MOST_STEPS:
        raise BuildError(
            f"{FILE_NAME} is too long for this push.",
            detail=f"Its {len(patterns):,} patterns on {len(members):,} files and folders take "
            f"{steps:,} steps; the limit is {_MOST_STEPS:,}.",
            advice="Name folders, or use patterns such as `*.psd`.",
            reason="build/slugignore-too-long",
        )


def leave_out(archive: Path, tree: Tree, out: Output) -> bool:
    """Whether there was anything to leave out; the archive is written again without it.

    Raises:
        BuildError: .slugignore cannot be used
    """
    patterns, idle = parse_slugignore(tree.read(FILE_NAME))
    _refuse_too_many_steps(tree.members, patterns)
    gone = left_out(tree.members, patterns)
    if gone:
        rewrite(archive, lambda name: None if name in gone else name)
        count = sum(tree.members[name].isfile() for name in gone)
        out.say(f"{FILE_NAME} leaves {count:,} file{'s' * (count != 1)} out of the release.")
    for line in idle:
        out.warn(
            f"{line} in {FILE_NAME} does not count: no line brings back what another leaves out."
        )
    return bool(gone)

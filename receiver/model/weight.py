"""What a pushed tree becomes on a disk: counted, and held against what it may become."""

from typing import Literal, NamedTuple, TypeAlias

from receiver.model.errors import BuildError

MIB = 1024 * 1024
MOST_PATH_BYTES = 1024
"""Longest path of a file: the file system takes 4,096, with the place of the release before it."""
MOST_NAME_BYTES = 255
"""Longest name in a folder, and what every file system takes."""
MOST_LINK_BYTES = 4095
"""Longest target of a symbolic link, as Linux has it."""
_TAR_BYTES = 3 * 1024
"""Most that one file adds to a tar file besides its bytes: headers, a long path, padding."""
_TAR_END_BYTES = 64 * 1024
_HUGE = 10**12
Sent: TypeAlias = Literal["commit", "archive"]
"""What a tree came as."""
_LESS: dict[Sent, str] = {
    "commit": "Take out what the app does not need with `git rm -r --cached PATH` and `git commit`",
    "archive": "Leave out what the app does not need: by a line in .gitignore for `ship deploy`, "
    "by --exclude for tar",
}
_AGAIN: dict[Sent, str] = {"commit": "push again", "archive": "send it again"}


class TreeLimits(NamedTuple):
    """What one commit may become."""

    entries: int
    """Files and folders."""
    size_bytes: int
    """Of all files together, unpacked."""

    @property
    def archive_bytes(self) -> int:
        """Most that a tar file of such a commit can take."""
        return self.size_bytes + self.entries * _TAR_BYTES + _TAR_END_BYTES


class Weight(NamedTuple):
    """What a tree becomes: a file counts as often as a path leads to it."""

    entries: int = 0
    size_bytes: int = 0
    path_bytes: int = 0
    """Of the longest path."""
    name_bytes: int = 0
    """Of the longest name in one folder."""
    link_bytes: int = 0
    """Of the longest target of a symbolic link."""
    at_least: bool = False
    """Whether the count was given up because it was too much already."""


def refusal(weight: Weight, limits: TreeLimits, sent: Sent = "commit") -> BuildError | None:
    """The error for a tree that becomes more than it may; None for one that may pass."""
    if weight.entries > limits.entries:
        return too_many(limits, None if weight.at_least else weight.entries, sent)
    if weight.size_bytes > limits.size_bytes:
        return too_large(_size(weight.size_bytes), limits, sent)
    lengths = (
        (weight.name_bytes, MOST_NAME_BYTES, "A name in it"),
        (weight.path_bytes, MOST_PATH_BYTES, "Its longest path"),
        (weight.link_bytes, MOST_LINK_BYTES, "The target of a symbolic link"),
    )
    for seen, most, what in lengths:
        if seen > most:
            return BuildError(
                f"The {sent} has a path that is too long.",
                detail=f"{what} has {_count(seen)} bytes; the limit is {most:,}.",
                advice="Rename it or move it up, "
                f"{'commit, and ' if sent == 'commit' else 'then '}{_AGAIN[sent]}.",
                reason="build/path-too-long",
            )
    return None


def too_large(seen: str, limits: TreeLimits, sent: Sent = "commit") -> BuildError:
    """The error for a tree whose files are too large together; `seen` is what they take."""
    return BuildError(
        f"The {sent} is too large.",
        detail=f"Its files take {seen} unpacked; the limit is {_size(limits.size_bytes)}.",
        advice="Keep large files in the app's storage, or raise max_tree_mb in the server's "
        f"ship.toml; then {_AGAIN[sent]}.",
        reason="build/tree-too-large",
    )


def too_many(limits: TreeLimits, seen: int | None = None, sent: Sent = "commit") -> BuildError:
    """The error for a tree of too many files and folders; None for a count that was given up."""
    count = f"more than {limits.entries:,}" if seen is None else _count(seen)
    return BuildError(
        f"The {sent} holds too many files.",
        detail=f"It has {count} files and folders; the limit is {limits.entries:,}.",
        advice=f"{_LESS[sent]}; or raise max_tree_files in the server's ship.toml. "
        f"Then {_AGAIN[sent]}.",
        reason="build/too-many-files",
    )


def _count(number: int) -> str:
    return f"more than {_HUGE:,}" if number > _HUGE else f"{number:,}"


def _size(size_bytes: int) -> str:
    """Such as `12.3 GiB`; whole mebibytes below one gibibyte."""
    mib = -(-size_bytes // MIB)
    if mib < 1024:  # noqa: PLR2004 - MiB in a GiB
        return f"{mib:,} MiB"
    return f"{_count(mib // 1024)} GiB" if mib > _HUGE else f"{mib / 1024:,.1f} GiB"

"""A tar stream as a file, and whether it is whole."""

import os
from pathlib import Path
from typing import IO

from receiver.machine import files
from receiver.model.errors import BuildError, disk_full
from receiver.model.layout import AppPaths
from receiver.model.settings import Server
from receiver.model.weight import MIB, TreeLimits, too_large

_CHUNK_BYTES = 1024 * 1024
_TAR_END_BYTES = 1024


def limits_of(settings: Server) -> TreeLimits:
    """What one commit may become on this server."""
    return TreeLimits(settings.max_tree_files, settings.max_tree_mb * MIB)


def spool(paths: AppPaths, source: int, limits: TreeLimits) -> Path:
    """Take a tar stream into a file that only ship can read.

    Raises:
        BuildError: the stream ended too early or goes on past the limits, or the disk is full
    """
    archive = paths.incoming / f"{os.getpid()}.tar"
    try:
        # held by a lock as long as this process lives, or one forked from it that deploys it: by
        # that, nobody takes it for abandoned
        fd = files.open_held(archive)
        with os.fdopen(fd, "wb", closefd=False) as handle:
            _take(source, handle, limits)
    except BuildError:
        archive.unlink(missing_ok=True)
        raise
    except OSError as error:
        archive.unlink(missing_ok=True)
        raise disk_full(f"The pushed files could not be stored: {error}") from error
    if not _is_whole(archive):
        archive.unlink(missing_ok=True)
        raise BuildError(
            "The pushed files did not arrive whole.",
            detail="The archive that git made of the commit has no end.",
            advice="Push again. If it happens again, check the repository on the server with `git "
            "fsck`.",
            reason="build/archive-cut-short",
        )
    return archive


def _take(source: int, handle: IO[bytes], limits: TreeLimits) -> None:
    """Copy to the end, but no more than a commit within the limits can take.

    The gate has counted; what git makes of it by the attributes of the tree, only its tar file
    shows.
    """
    left = limits.archive_bytes
    while chunk := os.read(source, _CHUNK_BYTES):
        left -= len(chunk)
        if left < 0:
            raise too_large("more than that", limits)
        handle.write(chunk)


def _is_whole(archive: Path) -> bool:
    """Whether a tar file has its end mark: two blocks of zeros, and padding behind them."""
    with archive.open("rb") as handle:
        size = handle.seek(0, os.SEEK_END)
        if size < _TAR_END_BYTES:
            return False
        handle.seek(size - _TAR_END_BYTES)
        return not any(handle.read())

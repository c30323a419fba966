"""A tar stream as a file, and whether it is whole."""

import os
from pathlib import Path

from receiver.model.errors import BuildError
from receiver.model.layout import AppPaths

_CHUNK_BYTES = 1024 * 1024


_TAR_END_BYTES = 1024


def spool(paths: AppPaths, source: int) -> Path:
    """Take a tar stream into a file that only ship can read.

    Raises:
        BuildError: the stream ended too early, or the disk is full
    """
    archive = paths.incoming / f"{os.getpid()}.tar"
    try:
        with archive.open("wb") as handle:
            while chunk := os.read(source, _CHUNK_BYTES):
                handle.write(chunk)
    except OSError as error:
        archive.unlink(missing_ok=True)
        raise BuildError(
            "The pushed files could not be stored on the server.",
            detail=str(error),
            advice="Free space on the server, then push again.",
            reason="build/disk-full",
        ) from error
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


def _is_whole(archive: Path) -> bool:
    """Whether a tar file has its end mark: two blocks of zeros, and padding behind them."""
    with archive.open("rb") as handle:
        size = handle.seek(0, os.SEEK_END)
        if size < _TAR_END_BYTES:
            return False
        handle.seek(size - _TAR_END_BYTES)
        return not any(handle.read())

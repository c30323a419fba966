"""Writes a pushed archive again, with some of its files left out or under other names."""

import io
import os
import tarfile
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from tarfile import TarInfo
from typing import IO

Place = Callable[[str], str | None]
"""What a member is called in the new archive; None leaves it out."""


def name_of(member: TarInfo) -> str:
    """The path of a member from the top of the tree."""
    return member.name.rstrip("/").removeprefix("./")


_NOTHING: Mapping[str, bytes] = {}
_NO_FILES: Mapping[str, Path] = {}
_CLOSED = 0o027
"""Permissions that files of an archive do not have."""


def rewrite(
    archive: Path,
    place: Place,
    texts: Mapping[str, bytes] = _NOTHING,
    added: Mapping[str, bytes] = _NOTHING,
    merged: Mapping[str, Path] = _NO_FILES,
) -> None:
    """Replace an archive.

    Args:
        archive: what is replaced
        place: the new name of each member
        texts: new contents of files, by their new name
        added: files that are no member yet
        merged: other archives, by the folder that their members go to

    Raises:
        TarError: one of the archives is none, or no honest one
    """
    # the id of this process in its name: nobody clears it away while this one lives
    kept = archive.with_name(f"{os.getpid()}.kept.tar")
    with ExitStack() as stack:
        before = stack.enter_context(tarfile.open(archive, "r:"))
        headers = before.pax_headers
        after = stack.enter_context(
            tarfile.open(kept, "w", format=tarfile.PAX_FORMAT, pax_headers=headers)
        )
        for member in before:
            name = place(name_of(member))
            if name:
                _add(before, after, member, name, texts.get(name))
        for folder, other in merged.items():
            _merge(after, folder, other)
        for name, content in added.items():
            member = TarInfo(name)
            member.size, member.mode = len(content), 0o640
            after.addfile(member, io.BytesIO(content))
    kept.chmod(0o600)
    kept.replace(archive)


def _merge(after: tarfile.TarFile, folder: str, other: Path) -> None:
    with tarfile.open(other, "r:") as found:
        for member in found:
            if (name := name_of(member)) in {"", "."}:
                continue
            if member.issparse():  # holes of any size, which would be written out
                raise tarfile.ReadError(f"{name} has holes")
            member.mode &= ~_CLOSED
            member.uid = member.gid = 0
            member.uname = member.gname = "root"
            _add(found, after, member, f"{folder}/{name}", None)


def _add(
    before: tarfile.TarFile, after: tarfile.TarFile, member: TarInfo, name: str, text: bytes | None
) -> None:
    content: IO[bytes] | None = before.extractfile(member) if member.isfile() else None
    if text is not None and content is not None:
        member.size, content = len(text), io.BytesIO(text)
    member.name = name
    member.pax_headers = {}  # those of the whole archive, which stand at its start
    after.addfile(member, content)

"""What `ship deploy` sends, as one open file: an archive that is there, one from an address, or one
made of a folder.
"""

import re
import shutil
import tarfile
import tempfile
import urllib.request
from pathlib import Path
from typing import IO
from urllib.error import URLError
from urllib.parse import urlsplit

from receiver.cli import show
from receiver.machine import git
from receiver.model.errors import UsageError
from receiver.model.patterns import regex
from receiver.model.rubbish import PATTERNS

_ADDRESS = regex(r"https?://", re.IGNORECASE)
_GITHUB = regex(r"https?://(?:www\.)?github\.com/([\w.-]+)/([\w.-]+?)(?:\.git)?/?")
_LIMIT_S = 60
_CHUNK_BYTES = 1 << 20
_SHOWN = 5
STDIN = "-"


def name_of(what: str) -> str:
    """What is deployed, for the message of its commit; of an address, what is no secret."""
    if _ADDRESS.match(what):
        address = urlsplit(what)
        return f"{address.hostname}{address.path}"
    return Path(what).resolve().name


def opened(what: str) -> IO[bytes]:
    """An archive of what was named, to read from its start.

    Raises:
        UsageError: there is no such file, folder or address
    """
    if _ADDRESS.match(what):
        return _fetched(what)
    path = Path(what)
    if path.is_dir():
        return _packed(path)
    try:
        return path.open("rb")
    except OSError as error:
        raise UsageError(
            f"There is no file or folder {what} here."
            if not path.exists()
            else f"The file {what} cannot be read: {error.strerror}.",
            advice="Name a folder, an archive (tar.gz, tar.xz, tar.bz2, tar, zip), or the address "
            "of one.",
            reason="usage/bad-file",
        ) from error


def _fetched(address: str) -> IO[bytes]:
    if found := _GITHUB.fullmatch(address):
        address = f"https://github.com/{found[1]}/{found[2]}/archive/HEAD.tar.gz"
        show.progress(f"Using the newest commit of its default branch: {address}")
    target = tempfile.TemporaryFile()  # noqa: SIM115 - whoever asked closes it
    try:
        with urllib.request.urlopen(address, timeout=_LIMIT_S) as answer:  # noqa: S310 - http and https alone come here
            while chunk := answer.read(_CHUNK_BYTES):
                target.write(chunk)
    except (URLError, OSError, ValueError) as error:
        target.close()
        why = getattr(error, "reason", None) or error
        raise UsageError(
            f"{name_of(address)} could not be downloaded.",
            detail=f"{why}.",
            advice="Check the address in a browser, or download the archive and name the file.",
            reason="usage/bad-download",
        ) from error
    target.seek(0)
    return target


def _packed(folder: Path) -> IO[bytes]:
    """A tar file of a folder, without what git ignores there."""
    names, left_out = git.files_below(folder, PATTERNS)
    if not names:
        raise _nothing_to_send(folder, left_out)
    target = tempfile.TemporaryFile()  # noqa: SIM115 - as above
    with tarfile.open(fileobj=target, mode="w:gz") as tar:
        for name in names:
            tar.add(folder / name, arcname=name, recursive=False)
    count = "1 file" if len(names) == 1 else f"{len(names)} files"
    size_kib = -(-target.tell() // 1024)
    show.progress(f"Sending {count} of {folder.resolve()}, {size_kib:,} KiB")
    if left_out:
        more = f" and {len(left_out) - _SHOWN} more" if len(left_out) > _SHOWN else ""
        shown = ", ".join(left_out[:_SHOWN]) + more
        show.progress(f"Left out (ignored by git, or never part of an app): {shown}")
    target.seek(0)
    return target


def _nothing_to_send(folder: Path, left_out: list[str]) -> UsageError:
    if shutil.which("git") is None:
        return UsageError(
            "The program git is missing on this machine.",
            detail="It reads .gitignore, which says what of a folder is sent.",
            advice="Install it, or send an archive: `ship deploy app.tar.gz`.",
            reason="usage/no-git",
        )
    return UsageError(
        f"There is nothing to send in {folder.resolve()}.",
        detail=f"Left out: {', '.join(left_out[:_SHOWN])}." if left_out else "The folder is empty.",
        advice="Name the app's folder: `ship deploy FOLDER`.",
        reason="usage/bad-file",
    )

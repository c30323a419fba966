"""The story of an update: the installer of other sources, and back to the version before it if that
fails.

The sources are a folder or an archive on the machine; root trusts them as it does an installer.
"""

import fcntl
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import mkdtemp
from typing import NamedTuple

from receiver.machine import files, shell
from receiver.machine.interpreter import LINK
from receiver.model.errors import NotFoundError, ServerError, ShipError
from receiver.setup.versions import Versions

_NAME = "ship-deploy"
"""What this project is called in its pyproject.toml."""
_INSTALLER = "installer.sh"
_UNPACK_LIMIT_S = 300.0
_CHECK_LIMIT_S = 120.0


class Sources(NamedTuple):
    """Sources of Ship."""

    folder: Path
    version: str


@contextmanager
def sources(place: Path, versions: Versions) -> Iterator[Sources]:
    """The sources in a folder or archive, for as long as this lasts.

    Raises:
        NotFoundError: there are none
    """
    if place.is_dir():
        yield _read(place, place)
        return
    if not place.is_file():
        raise _none(place, "There is no folder or archive of this name.")
    # below a folder of root's, so that nobody else changes what root is about to run
    folder = Path(mkdtemp(dir=versions.home, prefix=".update."))
    try:
        try:
            argv = ("tar", "--no-same-owner", "-C", str(folder), "-xf", str(place.absolute()))
            shell.capture(argv, limit_s=_UNPACK_LIMIT_S)
        except shell.CommandError as error:
            raise _none(place, error.detail) from error
        inside = list(folder.iterdir())
        yield _read(inside[0] if len(inside) == 1 and inside[0].is_dir() else folder, place)
    finally:
        files.remove_tree(folder)


def update(
    found: Sources, versions: Versions, env: Mapping[str, str], *, http: bool = False
) -> None:
    """Run the installer of these sources on the caller's streams; the version before it is back if
    that fails, or if the new one does not work.

    Args:
        found: the sources
        versions: those of this machine
        env: the caller's variables, such as those that say how the network is reached
        http: whether pushes come over HTTP as well

    Raises:
        ServerError: it failed
    """
    before = versions.link.resolve()
    # compilers were a choice of the first install; what is there of them stays
    argv = ["bash", str(found.folder / _INSTALLER), "--slim", *(["--http"] if http else [])]
    status = shell.attach(argv, env=env, cwd=found.folder)
    said = f"Its installer ended with {status}; what it said stands above."
    if status == 0:
        said = _trouble()
        if not said:
            return
    raise ServerError(
        f"The update to {found.version} failed.",
        detail=said,
        advice=_back(versions, before),
        reason="server/update-failed",
    )


def _read(folder: Path, place: Path) -> Sources:
    try:
        about = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    except (OSError, ValueError, KeyError):
        raise _none(place, "It has no pyproject.toml of Ship's at its top.") from None
    if about.get("name") != _NAME or not (folder / _INSTALLER).is_file():
        raise _none(place, f"It is no Ship: its {_INSTALLER} or its name is missing.")
    return Sources(folder, str(about.get("version", "unknown")))


def _trouble() -> str:
    """Why the version that is there now does not work; empty where it does."""
    try:
        shell.capture((str(LINK / "bin" / "ship"), "apps", "--json"), limit_s=_CHECK_LIMIT_S)
        shell.capture(("nginx", "-t"), limit_s=_CHECK_LIMIT_S)
    except shell.CommandError as error:
        return f"{error.title}\n{error.detail}".rstrip()
    return ""


def _back(versions: Versions, before: Path) -> str:
    """Have the version of before be the one that is used; returns what came of it."""
    if versions.link.resolve() == before:
        return "The version before it is used as it was."
    try:
        with versions.lock.open("ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            versions.switch(before)
        argv = (str(versions.link / "bin" / "ship"), "server:install")
        shell.capture(argv, limit_s=_CHECK_LIMIT_S)
    except (ShipError, OSError) as error:
        told = error.title if isinstance(error, ShipError) else str(error)
        with suppress(ShipError):
            told = f"{told} {_trouble()}".rstrip()
        return f"The way back failed as well: {told} Run the installer of either version again."
    return "The version before it is back, with its units and nginx's files."


def _none(place: Path, detail: str) -> NotFoundError:
    return NotFoundError(
        f"{place} has no Ship to install.",
        detail=detail,
        advice="Get the sources first, such as by git clone, and give their folder, or an archive "
        "of it.",
        reason="not-found/sources",
    )

"""What this machine lacks for a package that could not be built from its source: all of it at once,
each looked for.
"""

import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

from receiver.building.system_packages import how_to_install
from receiver.machine import shell
from receiver.model.build import Interpreter
from receiver.model.source_build import COMPILER, HEADERS, PKG_CONFIG, Lack, SourceBuildError
from receiver.server import Server

_SYSTEM = Path("/usr/bin")


def complete(server: Server, error: BaseException, python: Interpreter) -> None:
    """Have an error about a build name all that it lacks, and one line that brings it."""
    if not isinstance(error, SourceBuildError):
        return
    seen = tuple(_seen_missing(server, error, python))
    # of Python's headers, the machine knows better which package they are in
    said = (
        lack for lack in error.needs.said if HEADERS not in lack.what or HEADERS not in str(seen)
    )
    lacks = _each_once((*said, *seen))
    if not lacks:
        return
    error.title = f"{error.needs.package}. Missing: {_listed(lacks)}."
    install = _to_install(server, lacks)
    if error.needs.instead:
        install = f"{error.needs.instead} Or {install[0].lower()}{install[1:]}"
    error.advice = install


def _seen_missing(server: Server, error: SourceBuildError, python: Interpreter) -> Iterator[Lack]:
    if not _program("cc"):
        yield COMPILER
    if headers := missing_headers(python):
        yield headers
    wanted = {need.package: need for need in error.needs.besides}
    for package in server.host.system_packages.missing(wanted):
        if wanted[package] != PKG_CONFIG or not _program("pkg-config"):
            yield wanted[package]


def _each_once(lacks: Iterable[Lack]) -> list[Lack]:
    """Of several with one package the first, by which the output names it."""
    found: dict[str, Lack] = {}
    for lack in lacks:
        found.setdefault(lack.package or lack.what, lack)
    return list(found.values())


def missing_headers(python: Interpreter) -> Lack | None:
    """The headers of an interpreter, where it has none; one that was fetched brings its own."""
    path = Path(python.path)
    folders = (path.parent.parent, path.resolve().parent.parent)
    if any((top / "include" / f"python{python.minor}" / HEADERS).exists() for top in folders):
        return None
    usual = _SYSTEM / "python3"
    is_usual = usual.exists() and usual.resolve() == path.resolve()
    package = f"python{'3' if is_usual else python.minor}-dev"
    return Lack(HEADERS, package if path.parent == _SYSTEM else "")


def _program(name: str) -> bool:
    return shutil.which(name, path=shell.ADMIN_PATH) is not None


def _listed(lacks: list[Lack]) -> str:
    *most, last = [lack.what for lack in lacks]
    return f"{', '.join(most)} and {last}" if most else last


def _to_install(server: Server, lacks: list[Lack]) -> str:
    packages = dict.fromkeys(lack.package for lack in lacks if lack.package)
    if packages:
        return how_to_install(server, packages)
    return f"Ask the server's administrator to install the development files of {lacks[0].what}."

"""The Python that runs Ship, under one name whatever it was started as; decides no more than that.

What is written to disk names it by this, so that `python`, `python3`, `python3.11` and a link to
their folder leave the same files. On a VPS each version of Ship is a folder of its own, and what is
written to disk goes through the link that leads to the newest: it outlives the version that wrote
it, while a process that runs keeps the code that it was started with.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

LINK = Path("/opt/ship")
"""On a VPS: leads to the version that is installed."""
VERSIONS = Path("/opt/ship-versions")
"""On a VPS: the versions of Ship, each in a folder of its own."""
_PROGRAMS = "bin"


def lasting(path: Path, link: Path = LINK, versions: Path = VERSIONS) -> Path:
    """The name by which a file of this version is the same file of every later one.

    Programs have it at once. All else only has it where the link is one: a server from before
    there were versions has a folder in its place, until the installer is done.
    """
    if not path.is_relative_to(versions):
        return path
    inside = Path(*path.relative_to(versions).parts[1:])
    if inside.parts[:1] != (_PROGRAMS,) and not link.is_symlink():
        return path
    return link / inside


def one_name(executable: Path, version: str) -> Path:
    """The plainest name of an interpreter in its own folder."""
    folder = executable.parent.resolve()
    for name in _names(executable.name, version):
        if (path := folder / name).exists() and path.samefile(executable):
            return path
    return executable


def _names(own: str, version: str) -> Iterator[str]:
    """What a virtualenv calls it, and its own name where no other is the same file."""
    yield from ("python", "python3", f"python{version}", own)


PYTHON = lasting(
    one_name(Path(sys.executable), f"{sys.version_info.major}.{sys.version_info.minor}")
)


def program(name: str) -> Path:
    """A program that was installed beside it."""
    return PYTHON.with_name(name)

"""The Python that runs Ship, under one name whatever it was started as; decides no more than that.

What is written to disk names it by this, so that `python`, `python3`, `python3.11` and a link to
their folder leave the same files.
"""

import sys
from collections.abc import Iterator
from pathlib import Path


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


PYTHON = one_name(Path(sys.executable), f"{sys.version_info.major}.{sys.version_info.minor}")


def program(name: str) -> Path:
    """A program that was installed beside it."""
    return PYTHON.with_name(name)

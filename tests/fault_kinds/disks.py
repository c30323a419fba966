"""A disk that is full, or has no file left to give, while something is pushed."""

import os
import random
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from tests.embedded.embedded_server import short_folder
from tests.fault_kinds.ground import FAULTS_OF_SHIP, Fault, Ground, Kind, a_ground

_MIB = 1024 * 1024
_SIZE = f"{128 * _MIB}"
_FILES = 30_000
_LEFT_BYTES, _LEFT_FILES = 2 * _MIB, 150
"""At most; a push of the ground's app needs less than twice as much."""


class SmallDisk(NamedTuple):
    """A server that has a file system of its own."""

    place: Path
    ground: Ground


@contextmanager
def small_disk() -> Iterator[SmallDisk]:
    with short_folder() as folder:
        place = folder / "disk"
        place.mkdir()
        options = f"size={_SIZE},nr_inodes={_FILES},mode=0755"
        subprocess.run(("mount", "-t", "tmpfs", "-o", options, "none", str(place)), check=True)
        try:
            with a_ground(place / "the root") as ground:
                yield SmallDisk(place, ground)
        finally:
            subprocess.run(("umount", "-l", str(place)), check=True)


def no_bytes(disk: SmallDisk, dice: random.Random) -> Fault:
    """A push to a disk on which a few bytes are left, or none."""
    left_bytes = dice.choice((0, dice.randrange(64 * 1024), dice.randrange(_LEFT_BYTES)))
    return _push_on(disk, f"{left_bytes} bytes left", lambda: _ballast(disk.place, left_bytes))


def no_files(disk: SmallDisk, dice: random.Random) -> Fault:
    """A push to a disk that can hold only a few files more, or none."""
    left = dice.choice((0, dice.randrange(20), dice.randrange(_LEFT_FILES)))
    return push_with_files_left(disk, left)


def push_with_files_left(disk: SmallDisk, left: int) -> Fault:
    return _push_on(disk, f"{left} files left", lambda: _many_files(disk.place, left))


def _push_on(
    disk: SmallDisk, what: str, filled: Callable[[], AbstractContextManager[None]]
) -> Fault:
    ground = disk.ground
    commit = ground.commit()
    with filled():
        said = ground.push()
        lies = [word for word in FAULTS_OF_SHIP if word in said.text]
        if said.status and not any(words in said.text for words in _SAYS_SO):
            lies.append("it was refused for another reason")
        lies += ground.wrong_pages()
    lies = [f"{lie}: {said.text[-600:]!r}" for lie in lies]
    return Fault(what, lies or ground.lies_or_lost(commit, said))


_SAYS_SO = ("(build/disk-full)", "No space left on device", "unpack failed")


@contextmanager
def _ballast(place: Path, left_bytes: int) -> Iterator[None]:
    weight, block = place / "ballast", b"x" * 4096
    with weight.open("wb", buffering=0) as handle, suppress(OSError):
        while os.statvfs(place).f_bavail * 4096 > left_bytes:
            handle.write(block)
    try:
        yield
    finally:
        weight.unlink()


@contextmanager
def _many_files(place: Path, left: int) -> Iterator[None]:
    folder = place / "many"
    folder.mkdir()
    made: list[Path] = []
    with suppress(OSError):
        while os.statvfs(place).f_favail > left:
            path = folder / str(len(made))
            path.touch()
            made.append(path)
    try:
        yield
    finally:
        for path in made:
            path.unlink()
        folder.rmdir()


DISKS = Kind("disks", 30, "the disk is full, or nearly, during a push", no_bytes, small_disk)
INODES = Kind("inodes", 20, "the disk can hold no more files", no_files, small_disk)

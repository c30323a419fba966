"""Takes a pack where it can do no harm: checked by git in a folder of its own, and moved in only
when all is well.
"""

import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Literal, NamedTuple

from receiver.machine import files, git
from receiver.machine.shell import Program
from receiver.push.follow import Viewer, run_on_stream, run_on_text
from receiver.push.limits import Limits
from receiver.push.objects import Objects
from receiver.push.wire import Readable

# The first part is git's own for such folders: `git prune` and `git gc` know it as temporary.
_PREFIX = "tmp_objdir-ship-"

# Old honest histories hold modes such as 040755; everything else that fsck calls an error is
# refused.
_STRICT = "--strict=zeroPaddedFilemode=ignore"

# A blob beyond this is checked piece by piece: a pack of a few kilobytes can hold one of gigabytes.
_BIG_FILE_BYTES = 32 << 20
_MEMORY_BYTES = 1 << 30
"""What one git may allocate for a push: a commit or tree of any size is read whole."""

_DRAINED_BYTES = 256 << 20
"""What is read of a pack beyond the limit over HTTP, so that its client hears why."""

_PACK_COUNT = slice(8, 12)
# git sees a pack once its index is there, so the index comes last
_ORDER_IN = (".pack", ".rev", ".idx")


class Quarantine(NamedTuple):
    """A folder for objects beside those of the repository, which it borrows from."""

    repo: Path
    folder: Path

    @property
    def environment(self) -> Mapping[str, str]:
        """What makes git read and write here. Hooks get it as well, as they do from git."""
        return {
            "GIT_OBJECT_DIRECTORY": str(self.folder),
            "GIT_ALTERNATE_OBJECT_DIRECTORIES": _quoted(self.repo / "objects"),
            "GIT_QUARANTINE_PATH": str(self.folder),
        }

    def take(self, pack: Readable | int, limits: Limits, viewer: Viewer, *, quiet: bool) -> bool:
        """Let git index and check the pack; whether it passed.

        Raises:
            SilentError: the client stopped in the middle of it
        """
        settings = ("-c", f"core.bigFileThreshold={_BIG_FILE_BYTES}")
        options = ["--stdin", "--fix-thin", _STRICT, f"--max-input-size={limits.input_bytes}"]
        if not quiet:
            options.append("--show-resolving-progress")
        program = self._program(*settings, "index-pack", *options)
        most_bytes = limits.input_bytes + _DRAINED_BYTES
        status = run_on_stream(program, pack, viewer, quiet_s=limits.quiet_s, most_bytes=most_bytes)
        return status == 0

    def is_complete(self, tips: Iterable[str], viewer: Viewer) -> bool:
        """Whether everything that these objects need is there."""
        walk = ("rev-list", "--objects", "--quiet", "--stdin", "--not", "--all")
        text = "".join(f"{tip}\n" for tip in tips)
        return run_on_text(self._program(*walk), text, viewer) == 0

    def objects(self) -> AbstractContextManager[Objects]:
        """Git, to be asked for objects that have come, or were there."""
        return Objects.asked(self._program("cat-file", "--batch-command", shows="output"))

    def move_in(self) -> None:
        """Make the objects part of the repository."""
        arrived = self.folder / "pack"
        packs = self.repo / "objects" / "pack"
        packs.mkdir(exist_ok=True)
        for pack in arrived.glob("pack-*.pack"):
            if _is_empty(pack):
                continue
            for suffix in _ORDER_IN:
                if (part := pack.with_suffix(suffix)).exists():
                    part.replace(packs / part.name)
        files.sync_folder(packs)

    def _program(self, *args: str, shows: Literal["output", "errors"] = "errors") -> Program:
        environment = git.environment(self.environment)
        argv = git.command(self.repo, *args)
        return Program(argv, environment, self.repo, shows=shows, memory_bytes=_MEMORY_BYTES)


@contextmanager
def quarantine(repo: Path) -> Iterator[Quarantine]:
    """Open a quarantine; it is gone afterwards, whatever happens.

    One that a killed push left behind goes now.
    """
    objects = repo / "objects"
    _remove_abandoned(objects)
    folder, lock = files.locked_folder(objects, _PREFIX)
    try:
        (folder / "pack").mkdir()
        yield Quarantine(repo, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def _remove_abandoned(objects: Path) -> None:
    for folder in objects.glob(_PREFIX + "*"):
        with suppress(OSError):  # somebody else was faster
            lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                if files.try_lock(lock):
                    shutil.rmtree(folder)
            finally:
                os.close(lock)


def _quoted(path: Path) -> str:
    """Quote as git reads lists of object folders: in them a colon separates."""
    return '"' + str(path).replace("\\", "\\\\").replace('"', '\\"') + '"'


def _is_empty(pack: Path) -> bool:
    """Whether nothing is in it: git sends such a pack when we have all objects already."""
    with pack.open("rb") as file:
        return not any(file.read(_PACK_COUNT.stop)[_PACK_COUNT])

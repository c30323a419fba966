"""The versions of Ship on a VPS: beside each other, and switched to by one rename.

installer.sh puts a version whole into a folder of its own, then has it switched to here. What
runs goes on with the code that it was started with; everything that begins, begins by the link.
Older versions go when nothing runs from them any more. Only installer.sh puts a version there.
"""

import fcntl
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

from receiver.machine import files, proc
from receiver.machine.interpreter import LINK, VERSIONS
from receiver.model.errors import ShipError
from receiver.model.layout import Layout
from receiver.state import formats

_PROGRAMS = ("ship", "ship-gate", "ship-deploy")
_LASTING = {"drains:serve", "logs", "logs:tail", "run"}
"""Commands that may go on for as long as somebody likes, and change nothing."""
_PATIENCE_S = 120.0
_POLL_S = 0.2


class Versions(msgspec.Struct, frozen=True):
    """Where versions are, and what could name one."""

    link: Path = LINK
    home: Path = VERSIONS
    units: Path = Layout.vps().units
    sleep: Callable[[float], object] = time.sleep

    @property
    def lock(self) -> Path:
        """Held by installer.sh for as long as it works."""
        return self.home / ".lock"

    @property
    def pythons(self) -> Path:
        """Pythons that Ship fetched: of all versions, since virtualenvs of apps lead there."""
        return self.home / "pythons"

    def switch(self, tree: Path) -> None:
        """Have everything that begins from now on use the version in a folder.

        A folder in the link's place, from before there were versions, becomes one of them.
        """
        fresh = self.home / f".{self.link.name}.new"
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(tree)
        was_folder = self.link.is_dir() and not self.link.is_symlink()
        if was_folder:
            self._share_pythons()
            self._redirect(tree)
            self._await_the_old()
            self._trade_places(fresh)
        else:
            fresh.replace(self.link)
        self.pythons.mkdir(mode=0o755, exist_ok=True)
        files.sync_folder(self.link.parent)

    def prune(self) -> list[Path]:
        """Remove the versions that nothing runs from, but the one that is linked to.

        Returns:
            their folders
        """
        gone = [tree for tree in self._trees() if not self._is_used(tree)]
        for tree in gone:
            files.remove_tree(tree)
        return gone

    def _trees(self) -> Iterator[Path]:
        """Versions besides the one that is linked to, those too that were not finished."""
        current = self.link.resolve()
        for tree in sorted(self.home.iterdir()):
            if tree.is_dir() and not tree.is_symlink() and tree not in {current, self.pythons}:
                yield tree

    def _is_used(self, tree: Path) -> bool:
        inside = os.fsencode(tree) + b"/"
        if any(
            inside in unit.read_bytes() for unit in self.units.glob("ship[.-]*") if _plain(unit)
        ):
            return True
        runs = any(
            inside in proc.command_line(pid) or inside in proc.mapped(pid)
            for pid in proc.pids()
            if pid != os.getpid()
        )
        return runs or (_was_in_the_links_place(tree) and any(self._of_the_old()))

    def _share_pythons(self) -> None:
        """Move fetched Pythons out of a folder that is about to be a version of many."""
        old = self.link / self.pythons.name
        if self.pythons.is_symlink():
            self.pythons.unlink()  # of an installer that was ended here
        if old.is_dir() and not old.is_symlink():
            self.pythons.symlink_to(self.pythons)
            files.exchange(old, self.pythons)

    def _redirect(self, tree: Path) -> None:
        """Have every command that begins be one of the new version already, in the old place."""
        for name in _PROGRAMS:
            text = (tree / "bin" / name).read_bytes()
            files.write_atomically(self.link / "bin" / name, text, mode=0o755)

    def _await_the_old(self) -> None:
        """Wait for commands that would look for the rest of their code in the old place."""
        end = time.monotonic() + _PATIENCE_S
        while time.monotonic() < end and any(map(_ends_soon, self._of_the_old())):
            self.sleep(_POLL_S)

    def _of_the_old(self) -> Iterator[list[bytes]]:
        """Command lines of what runs from a folder that was, or is, in the link's place."""
        python = os.fsencode(self.link / "bin" / "python")
        for pid in proc.pids():
            words = proc.command_line(pid).split(b"\0")
            if words[0].startswith(python) and pid != os.getpid():
                yield words

    def _trade_places(self, fresh: Path) -> None:
        kept = Path(tempfile.mkdtemp(dir=self.home, prefix=_BEFORE))
        try:
            files.exchange(fresh, self.link)
        except OSError:  # a disk that cannot exchange: for a moment there is no ship
            self.link.rename(kept)
            fresh.rename(self.link)
            return
        fresh.rename(kept)


_BEFORE = "before-versions."


def _was_in_the_links_place(tree: Path) -> bool:
    return tree.name.startswith(_BEFORE)


def _ends_soon(words: list[bytes]) -> bool:
    said = {os.fsdecode(word) for word in words}
    return bool(words[1:]) and Path(os.fsdecode(words[1])).name in _PROGRAMS and not said & _LASTING


def _plain(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


def prune_unless_installing(versions: Versions) -> None:
    """As `prune`, where installer.sh is not at work; a server without versions has none to go."""
    with suppress(OSError), versions.lock.open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        versions.prune()


def main(argv: Sequence[str]) -> None:
    """`switch FOLDER`, or `prune`: for installer.sh, which holds the lock."""
    versions = Versions()
    if argv[0] == "switch":
        try:
            formats.refuse_newer(Layout.vps())
        except ShipError as error:  # before the program of before is gone
            sys.exit(f"{error.title}\n{error.detail}\n{error.advice}")
        versions.switch(Path(argv[1]))
    else:
        versions.prune()


if __name__ == "__main__":
    main(sys.argv[1:])

"""The disk of a test machine: a cached tree below, what the machine writes above it."""

import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Disk:
    """A writable view of a tree that stays as it is; kept in `folder`."""

    folder: Path

    @property
    def root(self) -> Path:
        return self.folder / "root"

    def make(self, layers: Sequence[Path], *, durable: bool) -> None:
        """Mount an overlay (5 ms) over the layers of a tree, the topmost first, or copy them where
        overlays do not work (seconds).

        A disk that is not durable answers fsync at once: installs take three quarters of the time,
        and removing it 0.5 s instead of 5. A power cut of ours loses nothing all the same, since
        this computer stays on. Measurements need a durable one.
        """
        self.remove()
        upper, work = self.folder / "upper", self.folder / "work"
        for folder in (self.root, upper, work):
            folder.mkdir(parents=True)
        lower = ":".join(map(str, layers))
        options = f"lowerdir={lower},upperdir={upper},workdir={work}"
        mount = ("mount", "-t", "overlay", "overlay", str(self.root), "-o")
        wanted = (options,) if durable else (f"{options},volatile", options)
        if not any(_succeeds(*mount, choice) for choice in wanted):
            for layer in reversed(layers):
                copy_tree(layer, self.root)

    def give(self, target: Path) -> None:
        """Make what was written a layer of its own; call it when nothing runs there any more."""
        for mount in sorted(_mounts_below(self.folder), reverse=True):
            _unmount(mount)
        written = self.folder / "upper"
        (written if any(written.iterdir()) else self.root).rename(target)

    def remove(self) -> None:
        """Throw away what was written and unmount; call it when nothing runs there any more."""
        # In this order, because unmounting a durable disk first flushes it (4 to 16 s).
        remove_tree(self.folder / "upper")
        remove_tree(self.folder)


def copy_tree(source: Path, target: Path) -> None:
    subprocess.run(
        ("cp", "-a", "--reflink=auto", "-T", str(source), str(target)), check=True, timeout=600
    )


def remove_tree(folder: Path) -> None:
    """Remove a folder and what is mounted below it, never what lies behind the mounts."""
    for mount in sorted(_mounts_below(folder), reverse=True):
        _unmount(mount)
    subprocess.run(("rm", "-rf", "--one-file-system", str(folder)), check=True, timeout=600)


def _mounts_below(folder: Path) -> list[Path]:
    points = (Path(line.split()[1]) for line in Path("/proc/self/mounts").read_text().splitlines())
    return [point for point in points if point.is_relative_to(folder)]


def _unmount(point: Path) -> None:
    # A machine that has just been killed keeps its mounts busy until its last process is reaped.
    for _ in range(100):
        if _succeeds("umount", str(point)):
            return
        time.sleep(0.1)
    subprocess.run(("umount", str(point)), check=True)


def _succeeds(*argv: str) -> bool:
    return subprocess.run(argv, capture_output=True, check=False).returncode == 0

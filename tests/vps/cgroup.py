"""A control group per test machine, so that two of them never share the groups of their units."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class ControlGroup:
    """Without one of its own, nspawn puts every machine of this computer into one `payload`.

    Units of the same name in two machines would then be one group, in which each systemd sees the
    processes of the other machine as pid 0 and waits for them.
    """

    name: str

    def make(self) -> None:
        for folder in self._folders():
            folder.mkdir(exist_ok=True)

    def enter_argv(self) -> tuple[str, ...]:
        """What to put before an argv so that it runs in the group."""
        join = 'while [ "$1" != -- ]; do echo $$ >"$1/cgroup.procs"; shift; done; shift; exec "$@"'
        return ("/bin/sh", "-e", "-c", join, "sh", *map(str, self._folders()), "--")

    def remove(self) -> None:
        """End what still runs in it and take it away with all the groups below."""
        for top in self._folders():
            for folder, _, _ in os.walk(top, topdown=False):
                _empty_and_remove(Path(folder))

    def _folders(self) -> list[Path]:
        return [mount / self.name for mount in _hierarchies()]


def _hierarchies() -> Iterator[Path]:
    """Where the hierarchies are mounted that systemd uses: version 2, and its own of version 1."""
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _, point, kind, options, *_ = line.split()
        if kind == "cgroup2" or (kind == "cgroup" and "name=systemd" in options.split(",")):
            yield Path(point)


def _empty_and_remove(folder: Path) -> None:
    for _ in range(100):
        try:
            folder.rmdir()
        except FileNotFoundError:
            return
        except OSError:  # busy: its processes are still there, or dead and not yet reaped
            _kill_all_in(folder)
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"the control group {folder} cannot be removed")


def _kill_all_in(folder: Path) -> None:
    with suppress(OSError):
        for pid in (folder / "cgroup.procs").read_text().split():
            with suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)

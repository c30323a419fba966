"""Which changes of a checkout's files `ship local` answers: a burst at a time, and none of the
app's own writing.
"""

import queue
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

import msgspec

from receiver.local import changes as local_changes
from receiver.local import working_tree
from receiver.local.build import Wish
from receiver.machine import git, watcher
from receiver.machine.clock import Clock

_QUIET_S = 0.08
_LONGEST_BURST_S = 10.0
_OWN_WRITES = 3
"""So many reloads in a row for one file, each right after the other: it is the app that writes
it."""
_RIGHT_AFTER_S = 0.5


class Change(msgspec.Struct, frozen=True):
    """Files that count, and whether the build has to be decided anew."""

    files: frozenset[str]
    build: bool

    @property
    def shown(self) -> str:
        return local_changes.shown(self.files)


class Watching:
    """The files of a checkout, watched until it is closed."""

    def __init__(
        self, wish: Wish, clock: Clock, say: Callable[[str], object], wake: Callable[[], object]
    ) -> None:
        self._wish, self._clock, self._say, self._wake = wish, clock, say, wake
        self._seen: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._known = frozenset[str]()
        self._stamps: Mapping[str, local_changes.Stamp] = {}
        """Of all files, as they were at the last look."""
        self._own = set[str]()
        self._last: tuple[frozenset[str], int, float] = (frozenset(), 0, 0.0)
        self._awake = False
        self._lock = git.index_lock(wish.top) if wish.in_git else None
        found = (self._relative(path) for path in wish.env_files)
        self._env_files = frozenset(path for path in found if path is not None)
        self._folders = watcher.Folders(self._see)

    def watch(self, stamps: Mapping[str, local_changes.Stamp]) -> bool:
        """Have `wake` called when one of these files changes, or a new one comes; whether others
        were known.
        """
        self._stamps, files = stamps, frozenset(stamps)
        if files == self._known:
            return False
        self._known = files
        top = self._wish.top
        ignored = git.ignored_folders(top) if self._wish.in_git else []
        wanted = {
            (top / folder, whole) for folder, whole in local_changes.plan_watches(files, ignored)
        }
        wanted |= {(path.parent, False) for path in self._wish.env_files}
        if not self._folders.watch(wanted):
            self._say(
                "The system has no more files to watch with: they are looked through every second."
            )
        return True

    def burst(self) -> frozenset[str]:
        """All changes until none comes for a moment, and git is not in the middle of a checkout."""
        found = set[str]()
        self._awake = False
        ends_at = self._clock.now() + _LONGEST_BURST_S
        while self._clock.now() < ends_at:
            try:
                found.add(self._seen.get(timeout=_QUIET_S))
            except queue.Empty:
                if self._lock is None or not self._lock.exists():
                    break
        return frozenset(found)

    def notice(self, now: frozenset[str]) -> None:
        """Have files that came or went while a folder was not watched yet be seen."""
        for path in now ^ self._known:
            self._keep(path)

    def judge(self, paths: Collection[str], now: Mapping[str, local_changes.Stamp]) -> Change:
        """What of a burst counts, now that the checkout holds the files `now`."""
        moved = now.keys() ^ self._known
        # not every file of a folder that came or went is told of, and some are late: `now` has them
        all_paths = {*paths, *local_changes.changed(self._stamps, now)}
        found = {
            path: local_changes.meaning(path, self._known, self._env_files)
            for path in all_paths - self._own
            if path in self._known or path in now or path in self._env_files
            if local_changes.is_news(path, self._stamps, now)
        }
        counts = frozenset(path for path, meaning in found.items() if meaning != "nothing")
        return Change(counts, "build" in found.values() or bool(counts & moved))

    def is_own_write(self, change: Change) -> bool:
        """Whether the app itself writes these files, each time that it starts; they are left out
        from then on.
        """
        files, times, at = self._last
        if files != change.files or self._clock.now() - at > _RIGHT_AFTER_S:
            self._last = (change.files, 0, at)
            return False
        if times < _OWN_WRITES or change.build or any(path.endswith(".py") for path in files):
            return False
        self._own |= files
        self._say(
            f"{change.shown}: it changes at each start, so the app itself seems to write it."
            " It is not watched any more."
        )
        return True

    def answered(self, change: Change) -> None:
        """Note that a change was taken in."""
        self._last = (change.files, self._last[1] + 1, self._clock.now())

    def close(self) -> None:
        self._folders.close()

    def _see(self, path: Path) -> None:
        """From the watcher's thread: keep what may matter."""
        relative = self._relative(path)
        if relative is None or relative in self._own:
            return
        meaning = local_changes.meaning(relative, self._known, self._env_files)
        if meaning != "nothing" or path.is_dir():
            self._keep(relative)

    def _keep(self, relative: str) -> None:
        self._seen.put(relative)
        if not self._awake:
            self._awake = True
            self._wake()

    def _relative(self, path: Path) -> str | None:
        try:
            relative = path.relative_to(self._wish.top)
        except ValueError:
            return str(path) if path in self._wish.env_files else None
        made = working_tree.MADE_BY_TOOLS.intersection(relative.parts)
        return None if made or not relative.parts else str(relative)

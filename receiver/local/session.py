"""The story of `ship local`: run the app of a checkout as a server would, and again whenever its
files change.
"""

import queue
from collections.abc import Mapping
from typing import Protocol

import msgspec
from msgspec.structs import replace
from msgspec.structs import replace as with_fields

from receiver.local import lines as local_lines
from receiver.local import web as local_web
from receiver.local import working_tree
from receiver.local.build import Ready, Telling, Wish, prepare
from receiver.local.crew import Crew, Rest
from receiver.local.formation import plan_local
from receiver.local.guarded import Guarded, Program
from receiver.local.laptop import CheckoutPaths, Laptop
from receiver.local.watch import Change, Watching
from receiver.local.web import Web
from receiver.model.errors import ShipError
from receiver.model.formation import WEB
from receiver.model.output import Output

_SHIP = "ship"
_KILLED_S = 10.0


class Screen(Protocol):
    """Where all of it is shown."""

    def line(self, process: str, text: bytes) -> None:
        """A line that a process wrote, or ship itself."""

    def transcript(self, chunk: bytes) -> None:
        """A part of a build's transcript."""


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be run, as it was typed."""

    wish: Wish
    types: tuple[str, ...]
    """Process types; all when empty."""
    counts: Mapping[str, int]
    """How many of a type, where somebody said so."""
    port: int
    reload: bool
    own: Mapping[str, str]
    """Variables of the developer's that processes get."""


class Session:
    """One run, from its first start to its end."""

    def __init__(self, laptop: Laptop, paths: CheckoutPaths, run: Run, screen: Screen) -> None:
        self._laptop, self._paths, self._run, self._screen = laptop, paths, run, screen
        self._clock = laptop.clock
        self._ended: queue.SimpleQueue[tuple[str, Guarded] | None] = queue.SimpleQueue()
        """Processes that have ended, by name; None when files have changed."""
        self._alive = set[Guarded]()
        self._known_ends = set[Guarded]()
        """Processes whose end was told, or is our own doing."""
        self._version = 1
        self._told = ""
        self._rest = Rest()
        self._web = Web(paths, run.port, self._clock, self._start, run.own, run.counts.get(WEB))
        self._crew = Crew(paths, self._clock, self._start, run.own)

    def go(self) -> None:
        """Start everything and keep it running, until an exception ends it.

        Raises:
            ShipError: the app cannot be built, what was typed does not fit it, or the port is taken
        """
        if not self._run.reload:
            ready = self._prepare(self._read())
            self._begin(ready)
            self._keep_running(ready)
            return
        watching = Watching(self._run.wish, self._clock, self._say, lambda: self._ended.put(None))
        try:
            # before anything is read that could change meanwhile
            self._watch(watching, self._read())
            ready = self._prepare(self._read())
            self._begin(ready)
            while True:
                self._keep_running(ready)
                ready = self._change(ready, watching)
        finally:
            watching.close()

    def end(self) -> None:
        """Stop all of it gracefully; whatever interrupts that ends it at once."""
        try:
            if self._alive:
                self._say("Stopping. Ctrl-C once more ends it at once.")
            web = self._web.running
            if web in self._alive and web is not None:
                web.stop()
            self._crew.stop()
            if web in self._alive and web is not None:
                self._web.end(web)
        finally:
            for process in list(self._alive):
                process.kill()
            for process in list(self._alive):
                process.wait(_KILLED_S)
            self._web.close()

    def _begin(self, ready: Ready) -> None:
        release = ready.release
        local_web.write(self._paths, ready)
        runs_web, formation = plan_local(release, self._run.types, self._run.counts)
        if runs_web and self._settle(self._web.begin(ready)):
            self._say(f"{release.app} is at {self._url}")
        self._crew.change(formation)

    @property
    def _url(self) -> str:
        return f"http://localhost:{self._run.port}"

    def _start(self, name: str, program: Program) -> Guarded:
        source = self._paths.running.source
        lines = local_lines.Lines(str(source), str(source.resolve()))

        def on_line(line: bytes) -> None:
            for shown in lines.take(line):
                self._screen.line(name, shown)

        def on_end(process: Guarded) -> None:
            for shown in lines.rest():
                self._screen.line(name, shown)
            self._alive.discard(process)
            self._ended.put((name, process))

        process = Guarded(program, on_line, on_end)
        self._alive.add(process)
        if process.status is not None:  # it was faster than the line above
            self._alive.discard(process)
        return process

    def _keep_running(self, ready: Ready) -> None:
        """Until a file changes: start again what ends, when its time has come."""
        while True:
            try:
                event = self._ended.get(timeout=self._until_next())
            except queue.Empty:
                self._start_due(ready)
                continue
            if event is None:
                return
            self._look_at_end(ready, *event)

    def _until_next(self) -> float | None:
        times = [at for at in (self._rest.again_at, self._crew.next_at()) if at is not None]
        return max(min(times) - self._clock.now(), 0.0) if times else None

    def _start_due(self, ready: Ready) -> None:
        at = self._rest.again_at
        if at is not None and at <= self._clock.now():
            began = self._clock.now()
            if self._settle(self._web.begin(ready), began=began, again=True):
                self._say(f"web serves again at {self._url}")
        self._crew.due()

    def _settle(
        self, failed: ShipError | None, *, began: float | None = None, again: bool = False
    ) -> bool:
        """Whether web serves now; where it does not, it is told why, and tried again later."""
        process = self._web.running
        if failed is None:
            self._rest.starts(self._clock.now())
            return True
        if process is not None:
            process.kill()
            self._known_ends.add(process)
        if began is not None:
            self._rest.began = began
        wait_s = self._rest.ended(self._clock.now())
        if not again:
            self._tell(failed)
        self._say(f"web does not run. It is tried again in {wait_s:g} s{self._or_saved}.")
        return False

    def _look_at_end(self, ready: Ready, name: str, process: Guarded) -> None:
        if process in self._known_ends:
            self._known_ends.discard(process)
        elif name == WEB and process is self._web.running:
            why = self._web.explain(ready, process)
            self._web.fell(ready, why)
            self._settle(why, began=self._rest.began)
        elif self._crew.running.get(name) is process:
            wait_s = self._crew.ended(name)
            how = f"{name} ended with exit status {process.status}."
            self._say(f"{how} It starts again in {wait_s:g} s{self._or_saved}.")

    @property
    def _or_saved(self) -> str:
        return ", or when a file is saved" if self._run.reload else ""

    def _change(self, before: Ready, watching: Watching) -> Ready:
        """Take in what changed; returns what runs from now on."""
        paths = watching.burst()
        if not paths:
            return before
        tree = self._read()
        change = watching.judge(paths, tree.stamps)
        self._watch(watching, tree)
        if not change.files or watching.is_own_write(change):
            return before
        began = self._clock.now()
        top = self._run.wish.top
        local_web.forget_bytecode([top / path for path in change.files if path.endswith(".py")])
        self._version += 1
        try:
            ready = self._prepare(tree) if change.build else self._again(before)
            self._reload(ready, change, began)
        except ShipError as error:
            self._tell(error)
            self._say(f"{change.shown} changed. What ran before goes on.")
            ready = before
        watching.answered(change)
        return ready

    def _watch(self, watching: Watching, tree: working_tree.WorkingTree) -> None:
        if watching.watch(tree.stamps):
            watching.notice(frozenset(self._read().stamps))

    def _reload(self, ready: Ready, change: Change, began: float) -> None:
        runs_web, formation = plan_local(ready.release, self._run.types, self._run.counts)
        local_web.write(self._paths, ready)
        self._rest, serves = Rest(), True
        if runs_web:
            failed = self._web.change(ready)
            if failed is not None and self._web.running in self._alive:
                self._tell(failed)
                self._say(f"{change.shown} changed. web goes on with the code before it.")
                serves = False
            else:
                serves = self._settle(failed)
        elif self._web.running is not None:
            self._web.stop()
        self._crew.change(formation)
        if serves:
            self._say(f"{change.shown} changed. Reloaded in {self._clock.now() - began:.2f} s.")

    def _again(self, before: Ready) -> Ready:
        """The same, as another version."""
        return replace(before, release=with_fields(before.release, version=self._version))

    def _read(self) -> working_tree.WorkingTree:
        return working_tree.read(self._run.wish.top, in_git=self._run.wish.in_git)

    def _prepare(self, tree: working_tree.WorkingTree) -> Ready:
        telling = Telling(self._screen.transcript, self._told)
        out = Output(telling.take)
        try:
            return prepare(self._laptop, self._paths, self._run.wish, tree, self._version, out)
        finally:
            self._told = telling.close()

    def _say(self, text: str) -> None:
        """A line of ship's own."""
        self._screen.line(_SHIP, text.encode("utf-8", "surrogateescape"))

    def _tell(self, error: ShipError) -> None:
        Output(self._screen.transcript).error(local_lines.for_here(error))

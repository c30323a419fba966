"""The processes of `ship local` besides web: started, started again less and less often when
they end, stopped in time.
"""

from collections.abc import Callable, Mapping

import msgspec

from receiver.local.guarded import Guarded, Program
from receiver.local.laptop import CheckoutPaths
from receiver.machine import files
from receiver.machine.clock import Clock
from receiver.model.formation import Formation, Group, instances
from receiver.runs.jobs import launch_argv

QUICK_END_S = 60.0
LONGEST_WAIT_S = 60.0
Start = Callable[[str, Program], Guarded]


class Rest(msgspec.Struct):
    """How often a process has ended soon after its start, and when it starts again."""

    began: float = 0.0
    ends: int = 0
    again_at: float | None = None

    def ended(self, now: float) -> float:
        """Seconds until it starts again: 1, 2, 4 and so on after quick ends in a row."""
        self.ends = self.ends + 1 if now - self.began < QUICK_END_S else 1
        wait_s = min(2.0 ** (self.ends - 1), LONGEST_WAIT_S)
        self.again_at = now + wait_s
        return wait_s

    def starts(self, now: float) -> None:
        self.began, self.again_at = now, None


class Crew(msgspec.Struct):
    """They run while they are in `running`, by name, such as `worker.1`."""

    paths: CheckoutPaths
    clock: Clock
    start: Start
    own: Mapping[str, str]
    running: dict[str, Guarded] = msgspec.field(default_factory=dict)
    rests: dict[str, Rest] = msgspec.field(default_factory=dict)
    formation: Formation = msgspec.field(default_factory=dict)

    def change(self, formation: Formation) -> None:
        """Have exactly these run, all of them started afresh."""
        self.stop()
        self.formation, self.rests = formation, {}
        for instance in instances(formation):
            self._begin(instance.name)

    def ended(self, name: str) -> float:
        """Note that a process has ended by itself; returns after how many seconds it starts
        again.
        """
        self.running.pop(name, None)
        return self.rests[name].ended(self.clock.now())

    def due(self) -> None:
        """Start those whose time has come."""
        for name, rest in self.rests.items():
            if rest.again_at is not None and rest.again_at <= self.clock.now():
                self._begin(name)

    def next_at(self) -> float | None:
        """When the next one is due."""
        return min(
            (r.again_at for r in self.rests.values() if r.again_at is not None), default=None
        )

    def stop(self) -> None:
        """Stop all of them, each within its own time."""
        for process in self.running.values():
            process.stop()
        ends = {name: self.clock.now() + self.grace_s(name) for name in self.running}
        for name, process in sorted(self.running.items(), key=lambda item: ends[item[0]]):
            if not process.wait(max(ends[name] - self.clock.now(), 0.0)):
                process.kill()
                process.wait(self.grace_s(name))
        self.running.clear()

    def grace_s(self, name: str) -> float:
        return float(self._group(name).graceful_s)

    def _begin(self, name: str) -> None:
        group, (kind, _, number) = self._group(name), name.rpartition(".")
        run = self.paths.process_run(name)
        files.remove_tree(run)  # with the launcher's own notes of starts: they are counted here
        run.mkdir()
        options = ("--run", str(run), "--instance", number, "--app-dir", str(self.paths.home))
        self.rests.setdefault(name, Rest()).starts(self.clock.now())
        self.running[name] = self.start(
            name,
            Program(
                argv=launch_argv(self.paths.running.home, kind, *options),
                env=self.own,
                cwd=run,
                stop_signal=group.stop_signal,
                to_group=group.shell,
            ),
        )

    def _group(self, name: str) -> Group:
        return self.formation[name.rpartition(".")[0]]

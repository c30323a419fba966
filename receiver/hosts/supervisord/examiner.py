"""An embedded server, as `ship doctor` asks it: does its supervisord run, and its own programs."""

import os
import shlex
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

from receiver.hosts.accounts import Owner
from receiver.hosts.examiner import Access, Fault, Large, Subject, Tree
from receiver.hosts.supervisord.embedded_files import NGINX_PROCESS, RECEIVER_PROCESS
from receiver.hosts.supervisord.programs import held_process, holder_process, own_port_process
from receiver.hosts.supervisord.rpc import Supervisor, control_socket
from receiver.machine.clock import Clock
from receiver.model.finding import Finding, Manage
from receiver.model.formation import Instance
from receiver.model.layout import Layout, SlotLetter
from receiver.model.names import AppName
from receiver.model.release import Release

_WAIT_S = 5
_POLL_S = 0.05
_PRIVATE = "Other accounts of this machine can read config vars, which hold passwords."


class SupervisorExaminer:
    """One embedded server: it says nothing of single processes but whether they run."""

    disks: tuple[Path, ...] = ()
    large: tuple[Large, ...] = ()

    def __init__(self, layout: Layout, supervisor: Supervisor, clock: Clock) -> None:
        self._layout = layout
        self._supervisor = supervisor
        self._clock = clock

    @cached_property
    def is_up(self) -> bool:
        """Whether its supervisord answers."""
        return self._supervisor.pid() is not None

    def web(self, app: AppName, release: Release, slot: SlotLetter) -> None:
        """Nothing."""

    def socket(self, app: AppName) -> None:
        """Nothing."""

    def holders(self, app: AppName) -> frozenset[int]:
        """supervisord, and what keeps the socket open between two slots."""
        keeper = self._supervisor.state(holder_process(app)).pid
        return frozenset({self._supervisor.pid() or 0, keeper})

    def process(self, app: AppName, instance: Instance) -> None:
        """Nothing."""

    def asleep(self, app: Subject) -> tuple[str, ...]:
        """Nothing: one program starts all cron jobs of an app."""
        del app
        return ()

    def nginx(self, *, runs: bool) -> Fault | None:
        """Its nginx is a program of supervisord's."""
        if runs:
            return None
        seen = f"{self._layout.nginx_pid} names no living nginx."
        return Fault("does not run", seen, (Manage((NGINX_PROCESS,)),))

    @property
    def reload_line(self) -> str:
        """By its process id: no unit has it."""
        return f"kill -HUP $(cat {shlex.quote(str(self._layout.nginx_pid))})"

    def of_pushes(self) -> Iterator[Finding]:
        """The server as a whole, and the program that takes pushes."""
        if not self.is_up:
            yield Finding(
                name="server.down",
                severity="broken",
                title="The embedded server does not run.",
                seen=(f"Nobody answers on {control_socket(self._layout)}.",),
                means="No app of it runs.",
                advice="Start it: `ship server:start`.",
            )
            return
        state = self._supervisor.state(RECEIVER_PROCESS)
        if not state.alive:
            yield Finding(
                name="server.program-down",
                severity="broken",
                title="The program that takes pushes does not run.",
                seen=(f"supervisord says of {RECEIVER_PROCESS.partition(':')[0]}: {state.name}.",),
                means="Pushes fail.",
                does="start it",
                repair=(Manage((RECEIVER_PROCESS,)),),
            )

    def of_machine(self) -> tuple[Finding, ...]:
        """Nothing: `ship server:start` does it all."""
        return ()

    def of_surroundings(self) -> tuple[Finding, ...]:
        """Nothing that can be seen without root."""
        return ()

    def of_account(self, app: Subject) -> tuple[Finding, ...]:
        """Nothing: there are no accounts."""
        del app
        return ()

    def of_files(self, app: Subject) -> tuple[Finding, ...]:
        """Nothing: supervisord reads its files when ship says so, and nowhere else."""
        del app
        return ()

    def of_boot(self, app: Subject) -> tuple[Finding, ...]:
        """Nothing: a boot starts none of it."""
        del app
        return ()

    def access(self) -> tuple[Access, ...]:
        """Nothing of its own: all lies below one folder."""
        return ()

    def access_of(self, app: Subject) -> tuple[Access, ...]:
        """Where everything is one user's: what others must not read."""
        owner = Owner(os.geteuid(), os.getegid())
        return (
            Access.of_folder(self._layout.run.parent, owner, 0o700, _PRIVATE),
            Access.of_file(app.paths.config, owner, 0o600, _PRIVATE),
        )

    def trees_of(self, app: Subject) -> Iterator[Tree]:
        """Nothing: everything is one user's."""
        del app
        return iter(())

    def start_again(self, app: AppName, release: Release, slot: SlotLetter) -> Manage:
        """Start its program."""
        of_kind = held_process if release.gunicorn else own_port_process
        return Manage((of_kind(app, slot),))

    def manage(self, words: tuple[str, ...]) -> None:
        """Start programs, and wait until supervisord believes that they stay up."""
        for program in words:
            self._supervisor.start(program)
            ends_at = self._clock.now() + _WAIT_S
            while (
                self._supervisor.state(program).name == "STARTING" and self._clock.now() < ends_at
            ):
                self._clock.sleep(_POLL_S)

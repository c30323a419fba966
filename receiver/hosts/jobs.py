"""Commands that run once, as an app's account: what they are, and what a machine does with them."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

import msgspec

from receiver.model.names import AppName

OnErrors = Callable[[bytes], object]
"""Is told what a job writes to stderr."""

STOP_GRACE_S = 10
"""How long what a job started may take to end, when it is told to; then it is killed."""


class Job(msgspec.Struct, frozen=True):
    """A command to run as an app's account, in its sandbox, with nothing inherited."""

    app: AppName
    argv: tuple[str, ...]
    cwd: Path
    env: Mapping[str, str] = msgspec.field(default_factory=dict)
    """Plain settings. Secrets never go here: other accounts can see a unit's properties."""
    config: Path | None = None
    """File of config vars, env.json of a release, that the command's environment is made of."""
    writable: tuple[Path, ...] = ()
    """Folders it may write, besides its private temporary one."""
    limit_s: float | None = None
    name: str = "job"
    """Short word for unit names and process lists: `build`, `release`, `canary`, `run`."""
    lasting: bool = False
    """Whether it goes on over deploys and what undoes them: a person's run or a cron job's."""
    memory: str | None = None
    """As systemd writes it, such as `512M`. Only systemd can keep a job to it, and to the next."""
    cpu: str | None = None
    most_memory_bytes: int | None = None
    """What all its processes together may use. Either host ends a job that uses more."""


class JobTimeoutError(Exception):
    """A job did not end within its time; it was stopped."""


class JobMemoryError(Exception):
    """A job used more memory than it may; it was killed."""


class Running(Protocol):
    """A job that goes on in the background: a canary."""

    def poll(self) -> int | None:
        """Exit status, or None while it runs."""

    def stop(self) -> None:
        """End it and everything it started; returns when they are gone."""


class Jobs(Protocol):
    """What a machine does to run a command once."""

    def run(
        self, job: Job, on_output: Callable[[bytes], object], *, stdin: int | None = None
    ) -> int:
        """Run to the end, handing on output (both streams) as it comes; returns the exit status.

        Raises:
            JobTimeoutError: `limit_s` passed.
            JobMemoryError: it used more than `most_memory_bytes`
            UsageError: the machine cannot keep the job to its limits
        """

    def spawn(self, job: Job, log: Path) -> Running:
        """Start in the background; its output goes into `log`."""

    def attach(self, job: Job, *, tty: bool, on_errors: OnErrors | None = None) -> int:
        """Run with the caller's own stdin, stdout and stderr; returns the exit status.

        `on_errors` is told what it writes to stderr, where that is no terminal.

        Raises as `run` does.
        """

    def stop(self, app: AppName) -> None:
        """Stop what is left of jobs of the app whose starter was killed, but for lasting ones."""

    def detach(self, name: str, pid: int, *, changes: AppName | None = None) -> None:
        """Put process `pid` in a unit of its own, so that it outlives the session that made it.

        What it leaves undone of a change of the app `changes`, when it is killed, is undone at the
        end of the unit, where the machine has units.
        """

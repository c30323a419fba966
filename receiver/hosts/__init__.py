"""What Ship needs from a machine's process manager, as one protocol.

An implementation is a room below this one; what only one of them needs lives there, and no other
room asks which one is in use. It imports what is below it, and its implementations import it.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from receiver.model.cron import Timer
from receiver.model.formation import Formation, Instance
from receiver.model.layout import SlotLetter
from receiver.model.mounts import Mounts
from receiver.model.names import AppName
from receiver.model.plan import WriteFile
from receiver.model.process_limits import Limit
from receiver.model.settings import App

if TYPE_CHECKING:
    from receiver.machine.log_files import Log


@dataclass(frozen=True, slots=True)
class Owner:
    """User and group that files of an app belong to."""

    uid: int
    gid: int


def ids(owner: Owner | None) -> tuple[int, int]:
    """User and group for a file of an app; unchanged where everything is the starter's."""
    return (owner.uid, owner.gid) if owner else (-1, -1)


def as_account(owner: Owner | None) -> tuple[str, ...]:
    """Have a program of the system's, such as tar, run as an app's account, and end with the
    process that starts it.

    It runs nothing of the app's. A sandbox of its own would only cost each deploy the tenth of a
    second that systemd takes to make one.
    """
    if owner is None:
        return ()
    account = (f"--reuid={owner.uid}", f"--regid={owner.gid}", "--clear-groups")
    return ("/usr/bin/setpriv", *account, "--no-new-privs", "--pdeathsig", "KILL")


@dataclass(frozen=True, slots=True)
class Job:
    """A command to run as an app's account, in its sandbox, with nothing inherited."""

    app: AppName
    argv: tuple[str, ...]
    cwd: Path
    env: Mapping[str, str] = field(default_factory=dict)
    """Plain settings. Secrets never go here: other accounts can see a unit's properties."""
    config: Path | None = None
    """File of config vars, env.json of a release, that the command's environment is made of."""
    writable: tuple[Path, ...] = ()
    """Folders it may write, besides its private temporary one."""
    limit_s: float | None = None
    name: str = "job"
    """Short word for unit names and process lists: `build`, `release`, `canary`, `run`."""
    lasting: bool = False
    """Whether it goes on over deploys and what undoes them: a run of a person's, or of a cron
    job."""
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


class Background(Protocol):
    """What a machine does for the processes of apps besides web: a unit or a program each."""

    def files(self, app: AppName, formation: Formation, mounts: Mounts) -> tuple[WriteFile, ...]:
        """Files that describe a formation to the process manager."""

    def written(self, app: AppName) -> frozenset[Path]:
        """The files of this kind that an app has."""

    def running(self, app: AppName) -> dict[Instance, int]:
        """Process ids of what runs, or is about to be started again: 0 while it has none."""

    def stop(self, app: AppName, instances: Collection[Instance]) -> None:
        """Stop processes, each by its own signal and within its own time; returns when all are
        gone.
        """

    def start(self, app: AppName, instances: Collection[Instance]) -> None:
        """Start processes afresh, as if they had never failed."""

    def enable(self, app: AppName, instances: Collection[Instance]) -> None:
        """Have these processes, and only these, started at boot."""

    def last_end(self, app: AppName, instance: Instance) -> str | None:
        """Why a process ended last, such as `exit status 1`; None where nothing tells."""

    def last_line(self, app: AppName, instance: Instance) -> str | None:
        """What a process wrote last since its last start, apart from ship's own words."""


class Host(Protocol):
    """One of the two machines ship runs on: `systemd` or `supervisord`."""

    @property
    def background(self) -> Background:
        """The processes besides web."""

    def owner(self, app: AppName) -> Owner | None:
        """The app's account; None where everything belongs to the user who started ship."""

    def create_account(self, app: AppName) -> None:
        """Make the app's account unless it is there."""

    def remove_account(self, app: AppName) -> None:
        """Remove the app's account, after everything it runs was stopped."""

    def rename_account(self, app: AppName, new: AppName) -> None:
        """Give the account of `app` the name for `new`; its number stays. Nothing of it may run."""

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

    def attach(self, job: Job, *, tty: bool) -> int:
        """Run with the caller's own stdin, stdout and stderr; returns the exit status.

        Raises as `run` does.
        """

    def stop_jobs(self, app: AppName) -> None:
        """Stop what is left of jobs of the app whose starter was killed, but for lasting ones."""

    def unit_files(self, app: AppName, settings: App) -> tuple[WriteFile, ...]:
        """Files that describe the app's socket and slots to the process manager."""

    def apply_limits(self, app: AppName, limits: Mapping[str, Limit]) -> None:
        """Keep what runs of these process types to their limits from now on."""

    def refresh(self) -> None:
        """Read unit files again."""

    def hold_socket(self, app: AppName) -> None:
        """Listen on the app's port from now on, also while nothing serves it."""

    def release_socket(self, app: AppName) -> None:
        """Stop listening on the app's port."""

    def start(self, app: AppName, slot: SlotLetter) -> None:
        """Start a slot; returns when its manager says it is up.

        SwapError when it does not come up.
        """

    def stop(self, app: AppName, slot: SlotLetter) -> None:
        """Stop a slot gracefully; nothing happens when it is not running."""

    def reload(self, app: AppName, slot: SlotLetter) -> None:
        """Send HUP to the slot's main process."""

    def main_pid(self, app: AppName, slot: SlotLetter) -> int | None:
        """Process id of the slot's main process; None when it does not run."""

    def enable(self, app: AppName, slot: SlotLetter | None) -> None:
        """Have this slot, and only this one, started at boot; none of the app's when None."""

    def timer_files(self, app: AppName, timers: Mapping[str, Timer]) -> tuple[WriteFile, ...]:
        """Files that have the app's cron jobs started."""

    def set_timers(self, app: AppName, timers: Mapping[str, Timer]) -> None:
        """Have exactly these cron jobs of the app started when they are due, also after a boot."""

    def detach(self, name: str, pid: int) -> None:
        """Put process `pid` in a unit of its own, so that it outlives the session that made it."""

    def reload_nginx(self) -> None:
        """Have nginx read its files again."""

    def app_log(self, app: AppName, slot: SlotLetter | None = None) -> "Log":
        """What the app's processes wrote, and the machine's words on them; or its web processes
        in one slot.
        """


def last_text(log: "Log", lines: int) -> str:
    """The last lines of a log, as one text."""
    found = [line.text for line in islice(log.before(None), lines)]
    return b"\n".join(reversed(found)).decode("utf-8", "replace")

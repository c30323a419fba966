"""What Ship needs from a machine, as protocols: one for each subject, and `Host`, which has them.

An implementation is a room below this one; what only one of them needs lives there, and no other
room asks which one is in use. It imports what is below it, and its implementations import it.
A third one is a room beside them, with its name in model/settings.py and in server.py.
"""

from collections.abc import Collection, Mapping
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from receiver.model.cron import Timer
from receiver.model.formation import Formation, Instance
from receiver.model.layout import SlotLetter
from receiver.model.names import AppName
from receiver.model.plan import WriteFile
from receiver.model.settings import App, Server

if TYPE_CHECKING:  # a push pays for what it uses alone
    from receiver.hosts.accounts import Accounts
    from receiver.hosts.drains import Drains
    from receiver.hosts.examiner import Examiner, Subject
    from receiver.hosts.jobs import Jobs
    from receiver.hosts.limits import Limits
    from receiver.hosts.network import Network
    from receiver.hosts.outside_mounts import OutsideMounts
    from receiver.hosts.request_logs import RequestLogs
    from receiver.hosts.services import Services
    from receiver.hosts.system_packages import SystemPackages
    from receiver.machine.log_files import Log


class Background(Protocol):
    """What a machine does for the processes of apps besides web: a unit or a program each."""

    def files(self, app: AppName, formation: Formation, settings: App) -> tuple[WriteFile, ...]:
        """Files that describe a formation to the process manager."""

    def written(self, app: AppName) -> frozenset[Path]:
        """The files of this kind that an app has."""

    def running(self, app: AppName) -> dict[Instance, int]:
        """Process ids of what runs, or is about to be started again: 0 while it has none."""

    def stop(self, app: AppName, instances: Collection[Instance]) -> frozenset[Instance]:
        """Stop processes, each by its own signal and within its own time; returns when all are
        gone: those that had to be killed.
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
    """The machine that ship runs on, by what keeps its processes: `systemd` or `supervisord`."""

    @property
    def accounts(self) -> "Accounts":
        """The accounts of apps."""

    @property
    def background(self) -> Background:
        """The processes besides web."""

    @property
    def drains(self) -> "Drains":
        """What sends logs on."""

    @property
    def jobs(self) -> "Jobs":
        """Commands that run once."""

    @property
    def request_logs(self) -> "RequestLogs":
        """Where nginx writes of the requests of apps."""

    @property
    def outside_mounts(self) -> "OutsideMounts":
        """Where storage can appear outside of a release's tree."""

    @property
    def limits(self) -> "Limits":
        """What processes may use."""

    @property
    def network(self) -> "Network":
        """Who of the apps may connect to whom."""

    @property
    def services(self) -> "Services":
        """Programs of ship's own that the machine starts."""

    @property
    def system_packages(self) -> "SystemPackages":
        """Packages of the machine's distribution."""

    def examiner(self, settings: Server, apps: "tuple[Subject, ...]") -> "Examiner":
        """What `ship doctor` asks of this machine and these apps of it."""

    def git_remote(self, settings: Server, app: AppName) -> str:
        """What an app is pushed to, as a git remote."""

    def unit_files(self, app: AppName, settings: App) -> tuple[WriteFile, ...]:
        """Files that describe the app's socket and slots to the process manager."""

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

    def stop(self, app: AppName, slot: SlotLetter) -> bool:
        """Stop a slot gracefully; nothing happens when it is not running.

        Returns whether a process of it had to be killed.
        """

    def reload(self, app: AppName, slot: SlotLetter) -> None:
        """Send HUP to the slot's main process."""

    def running(self, app: AppName) -> dict[SlotLetter, int]:
        """Slots that run, or are about to be started again, by the manager's own word: with the
        id of the main process, or 0 while there is none.
        """

    def main_pid(self, app: AppName, slot: SlotLetter) -> int | None:
        """Process id of the slot's main process; None when it does not run."""

    def is_outdated(self, app: AppName, slot: SlotLetter) -> bool:
        """Whether a slot runs by a file that was written anew since it was started."""

    def enable(self, app: AppName, slot: SlotLetter | None) -> None:
        """Have this slot, and only this one, started at boot; none of the app's when None."""

    def timer_files(self, app: AppName, timers: Mapping[str, Timer]) -> tuple[WriteFile, ...]:
        """Files that have the app's cron jobs started."""

    def set_timers(self, app: AppName, timers: Mapping[str, Timer]) -> None:
        """Have exactly these cron jobs of the app started when they are due, also after a boot."""

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

"""What only the machine itself can say to `ship doctor`: what its manager runs, and who may what.

The doctor knows what is true of every machine; what differs it asks here, and says it in its order.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Literal, NamedTuple, Protocol

from receiver.hosts.accounts import Owner
from receiver.model.cron import Timer
from receiver.model.finding import AnyRepair, Finding
from receiver.model.formation import Formation, Instance
from receiver.model.layout import AppPaths, SlotLetter
from receiver.model.names import AppName
from receiver.model.release import Live, Release
from receiver.model.settings import App


class Subject(Protocol):
    """An app as its records say it should be."""

    @property
    def name(self) -> AppName: ...
    @property
    def paths(self) -> AppPaths: ...
    @property
    def settings(self) -> App: ...
    @property
    def live(self) -> Live | None: ...
    @property
    def release(self) -> Release | None: ...
    @property
    def owner(self) -> Owner | None: ...
    @property
    def formation(self) -> Formation: ...
    @property
    def timers(self) -> Mapping[str, Timer]: ...
    @property
    def serves(self) -> tuple[Live, Release] | None: ...


class State(Protocol):
    """What the process manager says of something that it keeps."""

    @property
    def shown(self) -> str:
        """A sentence for a person."""

    @property
    def runs(self) -> bool: ...

    @property
    def is_masked(self) -> bool:
        """Whether it can be started by nobody."""

    @property
    def was_stopped(self) -> bool:
        """Whether somebody stopped it: it neither runs nor has failed."""


class Fault(NamedTuple):
    """Why something of the machine's is not as it should be."""

    state: str
    """Such as `does not run`."""
    seen: str
    repair: tuple[AnyRepair, ...]


class Access(NamedTuple):
    """Who should own one file or folder, and with what mode."""

    path: str
    uid: int
    gid: int
    mode: int
    kind: Literal["file", "folder"]
    matters: str
    """What goes wrong when it is otherwise."""

    @classmethod
    def of_folder(cls, path: Path, owner: Owner, mode: int, matters: str) -> "Access":
        return cls(str(path), owner.uid, owner.gid, mode, "folder", matters)

    @classmethod
    def of_file(cls, path: Path, owner: Owner, mode: int, matters: str) -> "Access":
        return cls(str(path), owner.uid, owner.gid, mode, "file", matters)


class Tree(NamedTuple):
    """A folder of which everything should belong to one account."""

    top: Path
    owner: Owner
    whom: str
    """Such as `the account ship-blog`."""
    matters: str


class Large(NamedTuple):
    """A folder of others that may be large."""

    what: str
    folder: Path
    advice: str


class Examiner(Protocol):
    """One machine, looked at once."""

    @property
    def is_up(self) -> bool:
        """Whether what should run can."""

    def web(self, app: AppName, release: Release, slot: SlotLetter) -> State | None:
        """The release's web process in a slot; None, here and below, where nobody says."""

    def socket(self, app: AppName) -> State | None:
        """What holds the app's port."""

    def holders(self, app: AppName) -> frozenset[int]:
        """Processes of the manager's own that have the app's port open."""

    def process(self, app: AppName, instance: Instance) -> State | None:
        """One besides web."""

    def asleep(self, app: Subject) -> tuple[str, ...]:
        """What was seen of cron jobs that would not start when they are due, line by line."""

    def nginx(self, *, runs: bool) -> Fault | None:
        """Why nginx does not run, or would not after a boot; None where it does and would."""

    @property
    def reload_line(self) -> str:
        """What a person types to have nginx read its files."""

    def of_pushes(self) -> Iterable[Finding]:
        """What keeps people and their pushes out."""

    def of_machine(self) -> Iterable[Finding]:
        """What the machine should do, or find, by itself."""

    def of_surroundings(self) -> Iterable[Finding]:
        """What lies around ship: memory, clock, firewall, where names lead."""

    def of_account(self, app: Subject) -> Iterable[Finding]:
        """What is wrong with an app's account."""

    def of_files(self, app: Subject) -> Iterable[Finding]:
        """How the manager's view of an app differs from the files that ship wrote."""

    def of_boot(self, app: Subject) -> Iterable[Finding]:
        """What of an app a boot would not start."""

    def access(self) -> Iterable[Access]:
        """The files and folders of the server."""

    def access_of(self, app: Subject) -> Iterable[Access]:
        """The files and folders of an app."""

    def trees_of(self, app: Subject) -> Iterator[Tree]:
        """The folders of an app, and its repository."""

    @property
    def disks(self) -> tuple[Path, ...]:
        """Places whose disks ship needs too, besides that of its own state."""

    @property
    def large(self) -> tuple[Large, ...]:
        """What of others' may fill them."""

    def start_again(self, app: AppName, release: Release, slot: SlotLetter) -> AnyRepair:
        """What has a slot started again and again, as what ends by itself is."""

    def manage(self, words: tuple[str, ...]) -> None:
        """Do what a repair of its own says.

        Raises:
            ShipError: it could not be done
        """

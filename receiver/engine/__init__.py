"""The seam at which another engine would join: what runs the releases of apps and leads visitors.

A story says what is to become of an app; its engine says by which steps, and does them. There is
one so far, `machine`: slots of processes behind nginx, kept by a host. It imports `changes` and
what is below it, and no story imports an engine: `Server.engine` is the way to it.
"""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:  # the way to an engine costs nothing
    from receiver.changes.app_state import AppState
    from receiver.engine.starts import Starts
    from receiver.hosts import Background
    from receiver.hosts.jobs import Jobs
    from receiver.machine.log_files import Log
    from receiver.model.layout import SlotLetter
    from receiver.model.names import AppName
    from receiver.model.plan import OfEngine, Plan
    from receiver.model.release import Release
    from receiver.planner.swap import Swap


class Web(Protocol):
    """How releases come to serve visitors, and by how many processes."""

    def make_way(self, app: "AppState", release: "Release") -> "Plan":
        """The steps that end what runs before anything of the release starts; mostly none."""

    def take_over(self, app: "AppState", release: "Release", *, same_start: bool) -> "Swap":
        """How a release that stands ready would take over from the live one.

        `same_start` is whether both have the same of those config vars that only a fresh program
        reads.
        """

    def start(self, after: "AppState") -> "Plan":
        """The steps that have the live release served again, which was stopped."""

    def stop(self, after: "AppState") -> "Plan":
        """The steps that have nothing serve, and show visitors that it is stopped."""

    def restart(self, app: "AppState") -> "Plan":
        """The steps that have fresh processes of the live release take over."""

    def scale(self, before: "AppState", after: "AppState") -> "Plan":
        """The steps that give it the workers that scale.json has by then."""

    def serving(self, app: "AppState") -> dict[int, str]:
        """The processes that serve, each with its release, such as `v12`."""

    def runs(self, app: "AppState") -> bool:
        """Whether there is a process that serves, or is about to."""

    def failed_starts(self, app: "AppState") -> "Starts | None":
        """How it ends again and again; None where it does not."""


class Steps(Protocol):
    """The steps of plans that are the engine's to do; an answer that is waited for is one too."""

    def do(self, step: "OfEngine") -> None:
        """Do one step.

        Raises:
            ShipError: it could not be done
        """

    def opposite(self, step: "OfEngine") -> "Plan":
        """The steps that bring back what is there now, looked up before `step` changes it."""


class Engine(Protocol):
    """What a story asks, whatever runs the apps."""

    @property
    def web(self) -> Web:
        """What serves visitors."""

    @property
    def background(self) -> "Background":
        """What else runs."""

    def early_ends(self, app: "AppName") -> Iterator[str]:
        """What has ended already of background processes that were started just now, and why."""

    def steps(self, say: Callable[[str], object], warn: Callable[[str], object]) -> Steps:
        """Who does steps; `say` is told what is seen on the way, `warn` what is late."""

    def log(self, app: "AppName", slot: "SlotLetter | None" = None) -> "Log":
        """What the app's processes wrote; or its web processes in one slot."""

    @property
    def jobs(self) -> "Jobs":
        """Commands that run once."""

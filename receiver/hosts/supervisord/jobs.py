"""The jobs of apps on an embedded server: plain processes, noted until they have ended."""

from collections.abc import Callable
from pathlib import Path

from msgspec.structs import replace

from receiver.hosts import plain_jobs
from receiver.hosts.jobs import Job, OnErrors, Running
from receiver.machine.clock import Clock
from receiver.model.errors import UsageError
from receiver.model.layout import Layout
from receiver.model.names import AppName


class PlainJobs:
    """The jobs of all apps of an embedded server."""

    def __init__(self, layout: Layout, clock: Clock) -> None:
        self._layout = layout
        self._clock = clock

    def run(
        self, job: Job, on_output: Callable[[bytes], object], *, stdin: int | None = None
    ) -> int:
        """Run to the end, handing on output as it comes."""
        return plain_jobs.run(self._place_of(job), job, on_output, stdin, self._clock)

    def spawn(self, job: Job, log: Path) -> Running:
        """Start in the background."""
        return plain_jobs.Background(self._place_of(job), job, log)

    def attach(self, job: Job, *, tty: bool, on_errors: OnErrors | None = None) -> int:
        """Run on the caller's own streams: with or without a terminal, they are inherited as
        they are.
        """
        return plain_jobs.attach(self._place_of(job), job, None if tty else on_errors)

    def stop(self, app: AppName) -> None:
        """Stop what is left of jobs whose starter was killed."""
        plain_jobs.stop_left_over(self._place(app))

    def stop_lasting(self, app: AppName) -> None:
        """Stop what is left of runs, whoever waits for them."""
        plain_jobs.stop_left_over(self._lasting(app))

    def detach(self, name: str, pid: int, *, changes: AppName | None = None) -> None:
        """Nothing but the session of its own that `pid` has already; whoever follows it undoes
        what it leaves.
        """

    def _place_of(self, job: Job) -> plain_jobs.Place:
        """Where a job belongs; what lasts is noted apart, since nobody else may end it."""
        if job.memory or job.cpu:
            raise UsageError(
                "This server cannot limit the memory or the cpu of a run.",
                detail="systemd does that, and an embedded server has none.",
                advice="Leave out --memory and --cpu; --timeout works here too.",
                reason="usage/no-such-limit-here",
            )
        return self._lasting(job.app) if job.lasting else self._place(job.app)

    def _lasting(self, app: AppName) -> plain_jobs.Place:
        place = self._place(app)
        return replace(place, ledger=place.ledger.with_name("runs"))

    def _place(self, app: AppName) -> plain_jobs.Place:
        paths = self._layout.app(app)
        # slots have a HOME each, because two gunicorn masters cannot share one
        place = plain_jobs.Place(home=paths.work, ledger=paths.run / "jobs")
        # a name that an app had, or is about to have, gets no folder by the question
        if paths.home.exists():
            place.home.mkdir(exist_ok=True)
        return place

"""A developer's own machine as a server: where `ship local` keeps what, for one checkout.

Below .ship of the checkout, which has git ignore itself: virtualenvs, storage, and a folder for
each `ship local` that runs. In the user's cache: what every checkout can use.
"""

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Self

from msgspec.structs import replace

from receiver.hosts import plain_jobs
from receiver.hosts.jobs import Job
from receiver.hosts.supervisord.host import SupervisordHost
from receiver.hosts.supervisord.jobs import PlainJobs
from receiver.machine import files
from receiver.machine.clock import SYSTEM_CLOCK
from receiver.model.errors import UsageError
from receiver.model.layout import AppPaths, Layout, ReleasePaths
from receiver.model.names import AppName
from receiver.model.patterns import regex
from receiver.model.settings import App
from receiver.model.settings import Server as Settings
from receiver.server import Server

FOLDER = ".ship"
ADDRESS = "localhost"
_SETPRIV = Path("/usr/bin/setpriv")
_UNUSED = regex(r"[^a-z0-9]+")
_LONGEST_NAME = 27
_FALLBACK_NAME = "app"


class CheckoutPaths(AppPaths):
    """Folders of the app of a checkout."""

    shared: Path
    """The user's cache."""

    def __new__(cls, name: AppName, home: Path, run: Path, shared: Path) -> Self:
        """As fields of its own: what is like a tuple takes no more of them from a class below."""
        made = super().__new__(cls, name, home, run)
        made.shared = shared
        return made

    @property
    def cache(self) -> Path:
        return self.shared

    @property
    def running(self) -> ReleasePaths:
        """The release that runs: its source is the checkout itself."""
        return ReleasePaths(self.run / "release")

    @property
    def lock(self) -> Path:
        return self.home / "lock"

    @property
    def state(self) -> Path:
        """What the last build came to."""
        return self.home / "last.json"


class Laptop(Server):
    """A machine whose apps answer at localhost."""

    def address(self, name: AppName) -> str:
        """Host name of every app."""
        del name
        return ADDRESS

    def hosts(self, name: AppName, app: App | None = None) -> tuple[str, ...]:
        """The same alone."""
        del app
        return (self.address(name),)


class LaptopHost(SupervisordHost):
    """Runs the jobs of a build, and nothing else."""

    def __init__(self, layout: Layout) -> None:
        super().__init__(layout)
        self.jobs = TiedJobs(layout, SYSTEM_CLOCK)


class TiedJobs(PlainJobs):
    """Jobs that end with this process."""

    def run(
        self, job: Job, on_output: Callable[[bytes], object], *, stdin: int | None = None
    ) -> int:
        """Run to the end, handing on output as it comes."""
        tied = (str(_SETPRIV), "--pdeathsig", "KILL") if _SETPRIV.exists() else ()
        return super().run(replace(job, argv=(*tied, *job.argv)), on_output, stdin=stdin)


def app_name(folder: str) -> AppName:
    """The name of an app that no remote names: that of its folder, as far as it can be one."""
    name = _UNUSED.sub("-", folder.lower()).lstrip("-0123456789")[:_LONGEST_NAME].strip("-")
    try:
        return AppName.parse(name)
    except UsageError:
        return AppName(_FALLBACK_NAME)


@contextmanager
def opened(
    top: Path, name: AppName, home: Path, cache: Path
) -> Iterator[tuple[Laptop, CheckoutPaths]]:
    """This machine, for one run of the app in `top`; what the run keeps goes away with it."""
    ship = top / FOLDER
    _make(ship)
    cache.mkdir(parents=True, exist_ok=True)
    run = ship / "run" / str(os.getpid())
    paths = CheckoutPaths(name, ship, run, cache)
    with _claimed(ship, run):
        paths.running.home.mkdir()
        paths.running.source.symlink_to(top)
        layout = Layout(
            etc=ship,
            state=cache,
            run=run,
            sites_available=ship,
            sites_enabled=ship,
            units=ship,
            pythons=home / ".local/share/ship/pythons",
            certbot_python=home / "none",
            nginx_pid=run / "nginx.pid",
            nginx_conf=None,
        )
        settings = Settings(domain=ADDRESS, https_port=0, build_memory="100%")
        yield Laptop(layout, settings, LaptopHost(layout)), paths


def _make(ship: Path) -> None:
    """The folder that no commit ever holds."""
    if Layout.embedded(ship).server_settings.exists():
        raise UsageError(
            f"The folder {ship.parent} cannot be run as an app: {ship} is an embedded server.",
            advice="Go to the checkout of an app.",
            reason="usage/no-checkout",
        )
    for folder in (ship, ship / "run", ship / "venvs", ship / "storage"):
        folder.mkdir(mode=0o700, exist_ok=True)
    ignore = ship / ".gitignore"
    if not ignore.exists():
        files.write_atomically(ignore, "*\n", mode=0o644)


@contextmanager
def _claimed(ship: Path, run: Path) -> Iterator[None]:
    """Hold the folder of this run, after removing those of runs that were killed."""
    with files.locked_file(ship / "run.lock"):
        for folder in (ship / "run").glob("[0-9]*"):
            _remove_dead(folder)
        files.make_folder(run, mode=0o700)
        held = os.open(run, os.O_RDONLY | os.O_DIRECTORY)
        fcntl.flock(held, fcntl.LOCK_EX)
    try:
        yield
    finally:
        shutil.rmtree(run, ignore_errors=True)
        os.close(held)


def _remove_dead(folder: Path) -> None:
    with suppress(OSError):
        held = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            for ledger in folder.glob("apps/*/jobs"):
                plain_jobs.stop_left_over(plain_jobs.Place(folder, ledger))
            shutil.rmtree(folder)
        finally:
            os.close(held)

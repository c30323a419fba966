"""Another engine takes the machine's place: what stories do goes through it, and no host is asked.

The engine below notes what it is asked for. Its machine has no host at all: whatever asks for one
fails.
"""

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn, cast

import pytest

from receiver.changes.app_state import AppState, state_of
from receiver.deploy.stages.takeover import planned_swap
from receiver.engine.starts import Starts
from receiver.hosts import Host
from receiver.hosts.jobs import Job, OnErrors, Running
from receiver.logs import stream
from receiver.machine.log_files import Positions, Told
from receiver.model import settings
from receiver.model.layout import Layout, SlotLetter
from receiver.model.log_line import LogLine
from receiver.model.names import AppName
from receiver.model.plan import OfEngine, Plan, StartSlot, StopSlot
from receiver.model.release import Live, Release
from receiver.model.webserver import Gunicorn
from receiver.planner.swap import Swap
from receiver.processes import control, look
from receiver.runs import running
from receiver.server import Server
from receiver.state import records

BLOG = AppName("blog")
START, STOP = StartSlot("blog", "a"), StopSlot("blog", "a")


@dataclass
class Elsewhere:
    """An engine that does nothing but note it."""

    done: list[OfEngine] = field(default_factory=list)
    fails: bool = False

    @property
    def web(self) -> "Elsewhere":
        return self

    def take_over(self, app: AppState, release: Release, *, same_start: bool) -> Swap:
        del app
        return Swap("b", (START,), f"{release.label} is sent there: {same_start}.")

    def start(self, after: AppState) -> Plan:
        del after
        return (START,)

    def stop(self, after: AppState) -> Plan:
        del after
        return (STOP,)

    def restart(self, app: AppState) -> Plan:
        del app
        return (STOP, START)

    def scale(self, before: AppState, after: AppState) -> Plan:
        del before, after
        return (START,)

    def make_way(self, app: AppState, release: Release) -> Plan:
        del app, release
        return ()

    def serving(self, app: AppState) -> dict[int, str]:
        del app
        return {4711: "v1", 4712: "v1"}

    def runs(self, app: AppState) -> bool:
        del app
        return True

    def failed_starts(self, app: AppState) -> Starts | None:
        del app
        return None

    @property
    def background(self) -> NoReturn:
        raise AssertionError("an app of web alone has none")

    def early_ends(self, app: AppName) -> Iterator[str]:
        del app
        return iter(())

    def steps(self, say: Callable[[str], object], warn: Callable[[str], object]) -> "Elsewhere":
        del say, warn
        return self

    def do(self, step: OfEngine) -> None:
        self.done.append(step)
        if self.fails and step == START:
            raise OSError("no room")

    def opposite(self, step: OfEngine) -> Plan:
        return (START,) if step == STOP else (STOP,)

    def log(self, app: AppName, slot: SlotLetter | None = None) -> "Words":
        del app, slot
        return Words()

    @property
    def jobs(self) -> "Commands":
        return Commands()


class Words:
    """A log of one line."""

    folders: tuple[Path, ...] = ()

    def end(self) -> Positions:
        return {}

    def before(self, positions: Positions | None, until_us: int | None = None) -> Iterator[LogLine]:
        del positions, until_us
        yield LogLine(1, "app", "web.1", b"said elsewhere", 1)

    def after(self, positions: Positions) -> Iterator[Told]:
        del positions
        return iter(())

    def listen(self, wake: Callable[[], object]) -> None: ...

    def close(self) -> None: ...


class Commands:
    """Commands that run elsewhere."""

    def run(
        self, job: Job, on_output: Callable[[bytes], object], *, stdin: int | None = None
    ) -> int:
        del stdin
        on_output(f"{job.app}: {' '.join(job.argv)}".encode())
        return 3

    def spawn(self, job: Job, log: Path) -> Running:
        raise AssertionError((job, log))

    def attach(self, job: Job, *, tty: bool, on_errors: OnErrors | None = None) -> int:
        del job, tty
        if on_errors:
            on_errors(b"ModuleNotFoundError: No module named 'yaml'\n")
        return 4

    def stop(self, app: AppName) -> None: ...

    def detach(self, name: str, pid: int, *, changes: AppName | None = None) -> None: ...


class Cluster(Server):
    @cached_property
    def elsewhere(self) -> Elsewhere:
        return Elsewhere()

    @property
    def engine(self) -> Elsewhere:
        return self.elsewhere


@pytest.fixture
def server(tmp_path: Path) -> Cluster:
    """A server whose app runs elsewhere."""
    layout = Layout.embedded(tmp_path)
    paths = layout.app(BLOG)
    home = paths.release(1)
    for folder in (home.source, paths.venvs, layout.run):
        folder.mkdir(parents=True)
    records.write_toml(paths.settings, settings.App(port=5000, port_a=5001, port_b=5002))
    release = Release(
        version=1,
        app=BLOG,
        commit="0" * 40,
        description="Test",
        by="test",
        created_at="",
        buildpack="python",
        python="3.11",
        venv=sys.prefix,
        processes={"web": Gunicorn(app="app:app")},
    )
    records.write_json(home.record, release)
    records.write_config(home.env, {}, mode=0o600)
    records.write_json(paths.live, Live(release=1, slot="a"))
    limits = settings.Server(domain="ship.test", lock_wait_s=1)
    return Cluster(layout, limits, cast(Host, SimpleNamespace()))


def test_processes_are_stopped_started_and_replaced_by_the_engine(server: Cluster) -> None:
    control.do(server, BLOG, control.restarting())
    control.do(server, BLOG, control.stopping("web"))
    assert server.elsewhere.done == [STOP, START, STOP]


def test_a_step_that_fails_is_undone_by_the_engine(server: Cluster) -> None:
    server.elsewhere.fails = True
    with pytest.raises(OSError, match="no room"):
        control.do(server, BLOG, control.restarting())
    # done, failed; its opposite, and that of the step before
    assert server.elsewhere.done == [STOP, START, STOP, START]


def test_what_serves_is_the_engines_to_say(server: Cluster) -> None:
    found = look.look(server, BLOG)
    assert [each.pid for each in found.types[0].running] == [4711, 4712]
    assert found.scale == {"web": 2}


def test_how_a_release_takes_over_is_the_engines_to_say(server: Cluster) -> None:
    app = state_of(server, BLOG)
    assert app.release is not None
    assert planned_swap(app, app.release, {}).how == "v1 is sent there: True."


def test_commands_run_by_the_engine(server: Cluster, capfd: pytest.CaptureFixture[str]) -> None:
    shown: list[bytes] = []
    query: Any = running.Wish(argv=("rake", "db"), by="test")
    assert running.watched(server, BLOG, query, shown.append).exit_code == 3
    assert shown == [b"blog: rake db"]
    assert running.attached(server, BLOG, query, tty=False, term="") == 4
    assert "ship: The app imports yaml, which is not installed." in capfd.readouterr().err


def test_logs_are_read_from_the_engine(server: Cluster) -> None:
    wanted = stream.Wanted(sources=frozenset({"app"}))
    assert [line.text for line in stream.recent(server, BLOG, wanted, 9)] == [b"said elsewhere"]

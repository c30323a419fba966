"""Steps of the machine that are cut off halfway: their opposites lead back."""

from collections.abc import Collection
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from receiver.changes.executor import Executor
from receiver.hosts import Host
from receiver.model import settings
from receiver.model.formation import Formation, Group, Instance
from receiver.model.layout import AppPaths, Layout
from receiver.model.names import AppName
from receiver.model.plan import RestartProcesses
from receiver.server import Server
from receiver.state import records

BLOG = AppName("blog")
ONE, TWO = Instance("worker", 1), Instance("worker", 2)


class Killed(BaseException):
    """The process of the change is gone."""


class Background:
    """Processes that start, but for one start that is never made."""

    def __init__(self, paths: AppPaths) -> None:
        self.paths, self.kills, self.last = paths, False, 1000
        self.pids: dict[Instance, int] = {}

    def start(self, app: AppName, instances: Collection[Instance]) -> None:
        del app
        for each in instances:
            if self.kills and each == TWO:
                raise Killed
            self.pids[each] = self.last = self.last + 1
            ready = self.paths.process_run(each.name) / "ready"
            ready.mkdir(parents=True, exist_ok=True)
            (ready / str(self.pids[each])).write_text("v1")

    def stop(self, app: AppName, instances: Collection[Instance]) -> frozenset[Instance]:
        del app
        for each in instances:
            del self.pids[each]
        return frozenset()

    def running(self, app: AppName) -> dict[Instance, int]:
        del app
        return dict(self.pids)

    def enable(self, app: AppName, instances: Collection[Instance]) -> None: ...

    def files(self, app: AppName, formation: Formation, of: settings.App) -> tuple[()]:
        del app, formation, of
        return ()

    def written(self, app: AppName) -> frozenset[Path]:
        del app
        return frozenset()


def test_a_restart_that_is_killed_between_stop_and_start_leaves_nothing_stopped(
    tmp_path: Path,
) -> None:
    layout = Layout.embedded(tmp_path)
    paths = layout.app(BLOG)
    for folder in (paths.releases, paths.run):
        folder.mkdir(parents=True)
    records.write_toml(paths.settings, settings.App(port=5000, port_a=5001, port_b=5002))
    records.write_formation(paths, {"worker": Group(version=1, count=2)})
    background = Background(paths)
    background.start(BLOG, (ONE, TWO))
    host = cast(Host, SimpleNamespace(background=background, refresh=lambda: None))
    steps = Executor(Server(layout, settings.Server(domain="ship.test"), host))
    restart = RestartProcesses(BLOG, (ONE.name, TWO.name))
    undo = steps.opposite(restart)
    background.kills = True
    with pytest.raises(Killed):
        steps.do(restart)
    assert TWO not in background.pids
    background.kills, first = False, background.pids[ONE]
    for step in undo:
        steps.do(step)
    assert background.pids.keys() == {ONE, TWO}
    assert background.pids[ONE] == first, "what runs as it should is left alone"

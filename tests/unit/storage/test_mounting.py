"""What is on record of a mount that is taken away, before the one who does it could tell."""

import os
from pathlib import Path

from receiver.hosts.supervisord.host import SupervisordHost
from receiver.model import settings
from receiver.model.layout import Layout
from receiver.model.names import AppName
from receiver.model.output import Output
from receiver.model.release import Build
from receiver.server import Server
from receiver.state import builds, records
from receiver.storage import mounting

BLOG = AppName("blog")
BUILD = Build(
    number=0,
    app="blog",
    by="laptop",
    commit="",
    description="Unmounting media of blog",
    started_at="2026-01-01T00:00:00Z",
    status="running",
    pid=0,
)


def test_one_that_is_killed_when_all_was_done_stands(tmp_path: Path) -> None:
    layout = Layout.embedded(tmp_path)
    paths = layout.app(BLOG)
    for folder in (paths.home, paths.builds, paths.venvs, paths.releases, layout.run):
        folder.mkdir(parents=True)
    app = settings.App(port=5000, port_a=5001, port_b=5002, mounts={"media": "media"})
    records.write_toml(paths.settings, app)
    limits = settings.Server(domain="ship.test", host="supervisord")
    server = Server(layout, limits, SupervisordHost(layout))
    build, held = builds.begin(paths, BUILD, keep=9)
    mounting.unmount(server, BLOG, "media", Output(len), build=build.number)
    os.close(held)  # as a kill does
    assert records.read_app(paths).mounts == {}
    ended = builds.look(paths, build.number)
    assert ended is not None
    assert ended.status == "succeeded"

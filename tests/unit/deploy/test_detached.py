"""Who follows a deploy: what is left of it is undone, whoever was killed at that before."""

from pathlib import Path

from receiver.changes.checkpoint import About, Checkpoint
from receiver.deploy import detached
from receiver.hosts.supervisord.host import SupervisordHost
from receiver.model import settings
from receiver.model.layout import Layout
from receiver.model.names import AppName
from receiver.model.plan import WriteFile
from receiver.model.release import Build
from receiver.server import Server
from receiver.state import builds, records

BLOG = AppName("blog")
BUILD = Build(
    number=0,
    app="blog",
    by="laptop",
    commit="c",
    description="Deploy c",
    started_at="2026-01-01T00:00:00Z",
    status="running",
    pid=0,
)


def test_one_that_is_on_record_as_ended_is_undone_all_the_same(tmp_path: Path) -> None:
    layout = Layout.embedded(tmp_path)
    paths = layout.app(BLOG)
    for folder in (paths.home, paths.builds, layout.run):
        folder.mkdir(parents=True)
    records.write_toml(paths.settings, settings.App(port=5000, port_a=5001, port_b=5002))
    server = Server(
        layout, settings.Server(domain="ship.test", host="supervisord"), SupervisordHost(layout)
    )
    build, _ = builds.begin(paths, BUILD, keep=9)
    records.write_build(paths, builds.interrupted(build))
    paths.scale.write_text('{"web": 2}\n')
    journal = Checkpoint(paths.journal)
    journal.begin(About(title="deploy", build=build.number))
    journal.register((WriteFile(str(paths.scale), '{"web": 1}\n'),))
    shown = bytearray()
    assert detached.follow_again(server, BLOG, build.number, shown.extend) != 0
    assert (paths.scale.read_text(), paths.unfinished.exists()) == ('{"web": 1}\n', False)
    assert "What it had begun is undone." in " ".join(shown.decode().split())
    shown.clear()
    assert detached.follow_again(server, BLOG, build.number, shown.extend) != 0
    assert shown == b""

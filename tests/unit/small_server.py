"""A server of files alone, with the app blog: none of its programs runs."""

from pathlib import Path

from receiver.hosts.supervisord.host import SupervisordHost
from receiver.model import settings
from receiver.model.layout import Layout
from receiver.model.names import AppName
from receiver.model.release import Build
from receiver.server import Server
from receiver.state import records

BLOG = AppName("blog")
BUILD = Build(
    number=0,
    app=BLOG,
    by="laptop",
    commit="c",
    description="Deploy c",
    started_at="2026-01-01T00:00:00Z",
    status="running",
    pid=0,
)


def small_server(root: Path, **more: dict[str, str]) -> Server:
    """It, with more settings of the app, of which nothing was pushed."""
    layout = Layout.embedded(root)
    paths = layout.app(BLOG)
    for folder in (paths.home, paths.builds, paths.venvs, paths.releases, layout.run):
        folder.mkdir(parents=True)
    app = settings.App(port=5000, port_a=5001, port_b=5002, **more)  # type: ignore[arg-type]
    records.write_toml(paths.settings, app)
    limits = settings.Server(domain="ship.test", host="supervisord")
    return Server(layout, limits, SupervisordHost(layout))

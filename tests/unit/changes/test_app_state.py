"""What an app's records say of it at a moment."""

import json
from pathlib import Path

import msgspec
from msgspec.structs import replace

from receiver.changes.app_state import read_state
from receiver.model.release import Live, Release
from receiver.state import records
from tests.unit.small_server import BLOG, small_server

RELEASE = Release(
    version=1,
    app=BLOG,
    commit="",
    description="Deploy",
    by="laptop",
    created_at="2026-01-01T00:00:00Z",
    buildpack="procfile",
    python=None,
    venv=None,
    processes={},
)


def test_what_an_app_wrote_is_shown_without_values_of_its_live_release(tmp_path: Path) -> None:
    server = small_server(tmp_path)
    paths = server.layout.app(BLOG)
    assert read_state(server, paths).masked("pg://ada:secret@db") == "pg://ada:secret@db"
    for version in (1, 2):
        paths.release(version).home.mkdir()
        records.write_release(paths, replace(RELEASE, version=version), gid=-1)
        values = {"DATABASE_URL": f"pg://ada:secret-{version}@db"}
        paths.release(version).env.write_text(json.dumps(values))
    paths.live.write_bytes(msgspec.json.encode(Live(release=2, slot="a")))
    app = read_state(server, paths)
    assert app.masked("no pg://ada:secret-2@db") == "no [hidden]"
    paths.release(2).env.write_text("damaged")
    assert app.masked("no database") == "no database"

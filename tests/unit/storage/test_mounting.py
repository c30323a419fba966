"""What is on record of a mount that is taken away, before the one who does it could tell."""

import os
from pathlib import Path

from receiver.model.output import Output
from receiver.state import builds, records
from receiver.storage import mounting
from tests.unit.small_server import BLOG, BUILD, small_server


def test_one_that_is_killed_when_all_was_done_stands(tmp_path: Path) -> None:
    server = small_server(tmp_path, mounts={"media": "media"})
    paths = server.layout.app(BLOG)
    build, held = builds.begin(paths, BUILD, keep=9)
    mounting.unmount(server, BLOG, "media", Output(len), build=build.number)
    os.close(held)  # as a kill does
    assert records.read_app(paths).mounts == {}
    ended = builds.look(paths, build.number)
    assert ended is not None
    assert ended.status == "succeeded"

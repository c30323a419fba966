"""Who follows a deploy: what is left of it is undone, whoever was killed at that before."""

import os
from pathlib import Path

import pytest
from msgspec.structs import replace

from receiver.access import audit
from receiver.changes.checkpoint import About, Checkpoint
from receiver.deploy import detached
from receiver.model.audit import Line
from receiver.model.errors import EXIT_CODES
from receiver.model.plan import WriteFile
from receiver.model.release import Build
from receiver.server import Server
from receiver.state import builds, records
from tests.unit.small_server import BLOG, BUILD, small_server


@pytest.fixture
def server(tmp_path: Path) -> Server:
    """A server with an app of which nothing was pushed; none of its programs runs."""
    made = small_server(tmp_path)
    made.layout.app(BLOG).scale.write_text('{"web": 2}\n')
    return made


def killed(server: Server, change: str = "") -> Build:
    """A build that was killed in the middle of its change."""
    paths = server.layout.app(BLOG)
    build, held = builds.begin(paths, replace(BUILD, audit=change), keep=9)
    os.close(held)
    journal = Checkpoint(paths.journal)
    journal.begin(About(title="deploy", build=build.number))
    journal.register((WriteFile(str(paths.scale), '{"web": 1}\n'),))
    return build


def test_what_is_on_record_as_ended_and_is_not_undone_is_undone_all_the_same(
    server: Server,
) -> None:
    build, paths = killed(server), server.layout.app(BLOG)
    records.write_build(paths, builds.interrupted(build))
    shown = bytearray()
    assert detached.follow_again(server, BLOG, build.number, shown.extend) != 0
    assert (paths.scale.read_text(), paths.unfinished.exists()) == ('{"web": 1}\n', False)
    assert "What it had begun is undone." in " ".join(shown.decode().split())
    shown.clear()
    assert detached.follow_again(server, BLOG, build.number, shown.extend) != 0
    assert shown == b""


def test_the_audit_has_one_end_of_what_was_killed(server: Server) -> None:
    line = Line(at=BUILD.started_at, id="1", event="began", command="git push", app=BLOG)
    audit.append(server.layout, line)
    build = killed(server, change="1")
    detached.follow_again(server, BLOG, build.number, len)
    found = [(it.event, it.status, it.reason) for it in audit.newest_first(server.layout)]
    assert found == [("ended", EXIT_CODES["build"], "build/interrupted"), ("began", None, "")]

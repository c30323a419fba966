"""How a build came out is told by what it did, whatever became of its process."""

import os

import pytest
from msgspec.structs import replace

from receiver.model.layout import Layout
from receiver.model.names import AppName
from receiver.model.release import Build, Live, Release
from receiver.state import builds, records

BUILD = Build(
    number=7,
    app="blog",
    by="laptop",
    commit="c" * 40,
    description="Deploy ccccccc",
    started_at="2026-01-01T00:00:00Z",
    status="running",
    pid=1,
)
RELEASE = Release(
    version=3,
    app="blog",
    commit="c" * 40,
    description="Deploy ccccccc",
    by="laptop",
    created_at="2026-01-01T00:00:00Z",
    buildpack="procfile",
    python=None,
    venv=None,
    processes={},
    attempt=7,
)


@pytest.fixture
def paths(tmp_path):
    found = Layout.embedded(tmp_path).app(AppName("blog"))
    for folder in (found.builds, found.release(2).home, found.release(3).home, found.journal):
        folder.mkdir(parents=True)
    records.write_build(found, BUILD)
    records.build_log(found, 7).touch()
    records.write_json(found.release(2).record, replace(RELEASE, version=2, attempt=6))
    records.write_json(found.release(3).record, RELEASE)
    return found


@pytest.mark.parametrize("live", [3, 4])
def test_a_build_whose_release_was_live_has_succeeded_though_it_was_killed(paths, live):
    records.write_json(paths.live, Live(release=live, slot="a"))
    found = builds.look(paths, 7)
    assert found is not None
    assert (found.status, found.release, found.exit_code) == ("succeeded", 3, 0)


def test_one_whose_change_is_not_finished_has_failed(paths):
    records.write_json(paths.live, Live(release=3, slot="a"))
    paths.unfinished.write_text('{"title":"deploy","build":7}')
    found = builds.look(paths, 7)
    assert found is not None
    assert (found.status, found.release, found.reason) == ("failed", None, "build/interrupted")


def test_one_whose_release_never_came_to_be_live_has_failed(paths):
    records.write_json(paths.live, Live(release=2, slot="a"))
    found = builds.look(paths, 7)
    assert found is not None
    assert found.status == "failed"


def test_an_unfinished_change_of_no_build_is_none_of_it(paths):
    records.write_json(paths.live, Live(release=3, slot="a"))
    for about in ("", "[]", '{"title":"limits"}', '{"title":"limits","build":null}'):
        paths.unfinished.write_text(about)
        assert records.unfinished_build(paths) is None
        assert builds.stood(paths, 7) == 3


def test_one_that_makes_no_release_stands_when_all_was_done_and_its_journal_is_gone(paths):
    records.write_json(paths.live, Live(release=2, slot="a"))
    builds.note_done(paths, 7)
    paths.unfinished.write_text('{"title":"scaling","build":7}')
    found = builds.look(paths, 7)
    assert found is not None
    assert (found.status, found.reason) == ("failed", "build/interrupted")
    paths.unfinished.unlink()
    found = builds.look(paths, 7)
    assert found is not None
    assert (found.status, found.release, found.exit_code) == ("succeeded", None, 0)


def test_one_that_was_undone_stays_failed_when_its_journal_is_gone(paths):
    builds.note_done(paths, 7)
    record = records.read_build(paths, 7)
    assert record is not None
    records.write_build(paths, builds.interrupted(record))
    found = builds.look(paths, 7)
    assert found is not None
    assert found.status == "failed"
    assert builds.as_stood(paths, record) is None


def test_a_build_is_not_taken_for_an_earlier_one_whose_record_is_gone(paths):
    for path in paths.builds.iterdir():
        path.unlink()
    build, held = builds.begin(paths, BUILD, keep=9)
    os.close(held)
    assert build.number == 8


def test_a_record_that_is_damaged_hides_no_other(paths):
    (paths.builds / "8.json").write_text("{")
    assert [build.number for build in builds.newest_first(paths)] == [7]

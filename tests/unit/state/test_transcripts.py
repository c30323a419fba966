"""When the lines of a transcript were written, and what they belong to; and when which release
ran."""

import os
from pathlib import Path

from receiver.model.layout import AppPaths
from receiver.model.names import AppName
from receiver.state import release_times
from receiver.state.release_times import ReleaseTimes
from receiver.state.transcripts import Row, Rows, Transcript, times_file


def test_each_line_has_its_time_and_its_part_of_the_work(tmp_path: Path) -> None:
    log = tmp_path / "7.log"
    fd = os.open(log, os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    clock = iter([100_000, 100_001, 200_000, 300_000, 300_001])
    transcript = Transcript(fd, log, 12, lambda: next(clock))
    transcript.write(b"one\n")
    transcript.write(b"two\n")
    rows = Rows(log, started_us=90_000)
    assert rows.at(0) == rows.at(4) == Row(0, 100_000, "build", 12)
    transcript.write(b"three\n")
    transcript.belongs_to("release", None)
    transcript.write(b"four\n")
    transcript.belongs_to("build", 13)
    transcript.write(b"five\n")
    os.close(fd)
    assert log.read_bytes() == b"one\ntwo\nthree\nfour\nfive\n"
    assert rows.at(8) == Row(8, 200_000, "build", 12)
    assert rows.at(14) == Row(14, 300_000, "release", 12)
    assert rows.at(19) == Row(19, 300_001, "build", 13)
    assert rows.at(4).at_us == 100_000
    assert (rows.first_us, rows.last_us) == (100_000, 300_001)


def test_rows_that_were_cut_off_and_rows_that_never_were_are_no_trouble(tmp_path: Path) -> None:
    log = tmp_path / "7.log"
    assert Rows(log, started_us=5).at(100) == Row(0, 5, "build", 0)
    times_file(log).write_text("0 10 build 3\n50 20 rel")
    rows = Rows(log, started_us=5)
    assert rows.at(60) == Row(0, 10, "build", 3)
    with times_file(log).open("a") as file:
        file.write("ease 3\n")
    assert rows.at(60) == Row(50, 20, "release", 3)


def test_a_part_is_of_the_release_that_it_was_given_last(tmp_path: Path) -> None:
    paths = AppPaths(AppName("blog"), tmp_path, tmp_path / "run")
    paths.release_times.write_text("10 web.a 1\n20 worker 1\n30 web.b 2\n40 worker 2\n50 web.a 3")
    times = ReleaseTimes(paths)
    assert [times.at("web.a", at) for at in (9, 10, 99)] == [None, 1, 1]
    assert [times.at("worker", at) for at in (39, 40)] == [1, 2]
    assert times.at("clock", 99) is None
    assert (times.began_us(2), times.began_us(3)) == (30, None)
    with paths.release_times.open("a") as file:
        file.write("\n")
    assert times.at("web.a", 60) == 3


def test_without_any_row_the_links_tell(tmp_path: Path) -> None:
    paths = AppPaths(AppName("blog"), tmp_path, tmp_path / "run")
    paths.slots.mkdir()
    paths.slot("a").symlink_to("../releases/v4")
    aimed_us = paths.slot("a").lstat().st_mtime_ns // 1000
    times = ReleaseTimes(paths)
    assert [times.at("web.a", aimed_us + offset) for offset in (-1, 0)] == [None, 4]


def test_rows_of_long_ago_are_forgotten(tmp_path: Path) -> None:
    paths = AppPaths(AppName("blog"), tmp_path, tmp_path / "run")
    paths.release_times.write_text("".join(f"{at} web.a {at}\n" for at in range(1, 20_000)))
    release_times.note(paths, "web.a", 20_000)
    assert paths.release_times.stat().st_size < 50_000
    times = ReleaseTimes(paths)
    assert times.at("web.a", 100) is None
    assert times.began_us(20_000) is not None
    assert times.began_us(19_999) == 19_999

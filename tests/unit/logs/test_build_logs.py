"""What the log of an app says of its builds."""

from pathlib import Path

from receiver.logs.build_logs import Deeds
from receiver.model.layout import Layout
from receiver.model.names import AppName
from receiver.model.release import Build, Release
from receiver.model.webserver import parse_processes
from receiver.state import records


def test_a_release_is_live_where_visitors_get_something(tmp_path: Path) -> None:
    """A bot has no page; of a release that was removed, nothing else is known."""
    paths = Layout.embedded(tmp_path).app(AppName("blog"))
    paths.builds.mkdir(parents=True)
    for version, lines in ((1, {"worker": "python bot.py"}), (2, {"web": "python app.py"})):
        paths.release(version).home.mkdir(parents=True)
        records.write_release(paths, released(version, lines), -1)
    for number in (1, 2, 3):
        records.write_build(paths, built(number))
    said = [line.text.decode() for line in Deeds(paths).before(None)]
    assert [line for line in said if " is " in line] == [
        "v3 is live (by ada)",
        "v2 is live (by ada)",
        "v1 is deployed (by ada)",
    ]


def built(number: int) -> Build:
    return Build(
        number=number, app="blog", by="ada", commit="c" * 40, description="Deploy ccccccc",
        started_at=f"2026-01-01T00:00:0{number}Z", finished_at=f"2026-01-01T00:00:0{number}Z",
        status="succeeded", pid=1, release=number,
    )  # fmt: skip


def released(version: int, lines: dict[str, str]) -> Release:
    return Release(
        version=version, app="blog", commit="c" * 40, description="Deploy ccccccc", by="ada",
        created_at="2026-01-01T00:00:00Z", buildpack="procfile", python=None, venv=None,
        processes=parse_processes(lines, {}, classic=False),
    )  # fmt: skip

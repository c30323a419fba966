"""Failed starts of web are counted by the launcher, and nginx is told after a few of them."""

import importlib.util
import json
import time
from pathlib import Path
from typing import Any

import pytest

from receiver.engine.starts import failed_starts
from receiver.model.program import RUNTIME

OF_NO_DATE = '{"ends": 0, "since": 1e300, "began": -1e300}'


@pytest.fixture(scope="module")
def launch() -> Any:
    spec = importlib.util.spec_from_file_location("launch", RUNTIME / "launch.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """An app's folder, and beside it the run folders of its slots."""
    for folder in ("app/down", "run/web.a/ready", "run/web.b/ready"):
        (tmp_path / folder).mkdir(parents=True)
    return tmp_path


def starts(launch: Any, home: Path, times: int = 1) -> bool:
    """Start slot a so often; whether nginx answers in the app's place then."""
    for _ in range(times):
        options = {"--run": str(home / "run/web.a"), "--app-dir": str(home / "app")}
        launch.note_web_start(options)
        launch.clear_ready(options["--run"])
    return (home / "app/down/web").exists()


def fails(home: Path, why: str = "Traceback\nRuntimeError: no database\n") -> None:
    (home / "run/web.a/boot-error").write_text(why)


def test_visitors_are_told_after_a_few_failed_starts_in_a_row(launch: Any, home: Path) -> None:
    assert not starts(launch, home)
    fails(home)
    assert not starts(launch, home)
    fails(home)
    assert starts(launch, home)
    run = home / "run/web.a"
    told = failed_starts(run, 17)
    assert told is not None
    assert (told.ends, told.why, told.served) == (2, "RuntimeError: no database", False)
    between = failed_starts(run, 0)
    assert between is not None
    assert between.ends == 3


def test_a_start_that_takes_long_to_fail_counts_and_one_that_served_does_not(
    launch: Any, home: Path
) -> None:
    run = home / "run/web.a"
    old = {"ends": 4, "since": 1.0, "began": time.time() - 3600}
    (run / "starts.json").write_text(json.dumps(old))
    assert starts(launch, home)
    assert json.loads((run / "starts.json").read_text())["ends"] == 5
    (run / "starts.json").write_text(json.dumps(old))
    (run / "swapped").write_text("v3")
    assert not starts(launch, home)
    assert failed_starts(run, 17) is None


def test_what_serves_in_the_other_slot_is_not_spoken_for(launch: Any, home: Path) -> None:
    ready = home / "run/web.b/ready/4711"
    ready.write_text("v2")
    assert not starts(launch, home, 5)
    ready.unlink()
    assert starts(launch, home)


def test_a_first_start_takes_back_what_an_earlier_one_said(launch: Any, home: Path) -> None:
    assert starts(launch, home, 4)
    (home / "run/web.a/starts.json").unlink()  # as ship does that stops it
    assert not starts(launch, home)


@pytest.mark.parametrize("missing", ["app/down", "run/web.a"])
def test_a_folder_that_is_not_there_is_in_nobodys_way(
    launch: Any, home: Path, missing: str
) -> None:
    (home / missing).rename(home / "elsewhere")
    starts(launch, home, 4)


@pytest.mark.parametrize(
    "noted", ["", "[]", "{", '{"ends": "x"}', '{"ends": 1}', "\xff", OF_NO_DATE]
)
def test_what_an_app_writes_there_breaks_nothing(launch: Any, home: Path, noted: str) -> None:
    (home / "run/web.a/starts.json").write_text(noted)
    assert failed_starts(home / "run/web.a", 0) is None
    assert not starts(launch, home)

"""The state of an app in a word, as `ship apps` shows it."""

import pytest

from receiver.cli.commands.apps.info import _state
from receiver.model.release import Release
from receiver.model.settings import App
from receiver.model.webserver import Command, Process


def release(*types: str, static: dict[str, str] | None = None) -> Release:
    processes: dict[str, Process] = {name: Command(command="python x.py") for name in types}
    return Release(
        version=1,
        app="blog",
        commit="",
        description="",
        by="",
        created_at="",
        buildpack="python",
        python=None,
        venv=None,
        processes=processes,
        static=static or {},
    )


@pytest.mark.parametrize(
    ("found", "stopped", "runs", "state"),
    [
        (None, False, False, "empty"),
        (release(static={"/": "."}), False, False, "files"),
        (release("web"), False, True, "up"),
        (release("web"), False, False, "down"),
        (release("web", "worker"), True, False, "stopped"),
        (release("worker"), False, True, "up"),
        (release("worker"), False, False, "idle"),
        (release("worker"), True, False, "stopped"),
    ],
)
def test_an_apps_state(found: Release | None, stopped: bool, runs: bool, state: str) -> None:
    settings = App(port=1, port_a=2, port_b=3, stopped=stopped)
    assert _state(settings, found, runs=runs) == state

"""The state of an app in a word, as `ship apps` shows it."""

import pytest

from receiver.cli.commands.apps.info import _state
from receiver.model.release import Release
from receiver.model.settings import App
from receiver.model.webserver import Command, Process
from receiver.processes.look import Running, State


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


def process(name: str, state: State, ends: int = 0, line: str | None = None) -> Running:
    return Running(name=name, state=state, ends=ends, reason="exit status 1", last_line=line)


UP, WORKER = process("web.1", "up"), process("worker.1", "up")
LOOP = process("web.1", "crashing", 29, "RuntimeError: no database")


@pytest.mark.parametrize(
    ("found", "stopped", "running", "state"),
    [
        (None, False, (), "empty"),
        (release(static={"/": "."}), False, (), "files"),
        (release("web"), False, (UP,), "up"),
        (release("web"), False, (), "down"),
        (release("web", "worker"), False, (WORKER,), "down"),
        (release("web"), False, (process("web.1", "starting"),), "starting"),
        (release("web", "worker"), False, (LOOP, WORKER), "crashing"),
        (release("web", "worker"), True, (), "stopped"),
        (release("worker"), False, (WORKER,), "up"),
        (release("worker"), False, (process("worker.1", "crashing", 1),), "crashing"),
        (release("worker"), False, (), "idle"),
        (release("worker"), True, (), "stopped"),
    ],
)
def test_an_apps_state(
    found: Release | None, stopped: bool, running: tuple[Running, ...], state: str
) -> None:
    settings = App(port=1, port_a=2, port_b=3, stopped=stopped)
    assert _state(settings, found, running) == state


@pytest.mark.parametrize(
    ("crash", "told"),
    [
        (LOOP, "29 restarts: RuntimeError: no database"),
        (process("w.1", "crashing", 1), "1 restart: exit status 1"),
        (
            Running(name="w.1", state="crashing", ends=2, last_line="KeyError: 'X'"),
            "2 restarts: KeyError: 'X'",
        ),
        (
            Running(
                name="w.1", state="crashing", ends=2, reason="killed by SIGSEGV", last_line="hi"
            ),
            "2 restarts: killed by SIGSEGV",
        ),
        (Running(name="w.1", state="crashing", ends=2), "2 restarts"),
    ],
)
def test_why_it_is_started_again_is_told_in_a_line(crash: Running, told: str) -> None:
    assert crash.crash == told

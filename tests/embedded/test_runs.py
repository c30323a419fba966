"""Runs on an embedded server, typed as people type them: attached, detached, listed, stopped,
limited."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from receiver.logs.stream import Wanted, recent
from receiver.machine import lifetimes
from receiver.model.names import AppName
from receiver.runs import records as run_records
from tests.checkout import Checkout
from tests.embedded.conftest import Ship
from tests.embedded.embedded_server import EmbeddedServer, embedded_server, wait_until
from tests.embedded.keyboard import Typed, type_ship
from tests.embedded.pushing import wsgi

pytestmark = pytest.mark.embedded

BLOG = AppName("blog")


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedServer]:
    with embedded_server() as found:
        yield found


@pytest.fixture(scope="module", autouse=True)
def checkout(server: EmbeddedServer) -> Checkout:
    return server.publish("blog", wsgi("one") | {"word.txt": "first\n"})


def status_of(server: EmbeddedServer, name: str) -> str:
    number = int(name.removeprefix("run."))
    return run_records.find(server.paths("blog"), number).status


def detach(ship: Ship, *words: str) -> str:
    begun = ship("run:detached", *words)
    assert begun.status == 0, begun.err
    return begun.out.strip()


def test_variables_reach_the_command_and_no_file_of_them_stays(
    server: EmbeddedServer, ship: Ship
) -> None:
    server.configure(BLOG, LEVEL="config", OTHER="kept")
    line = 'echo "$A|$B|$LEVEL|$OTHER"; cat "$SHIP_STORAGE/none" 2>/dev/null; exit 7'
    dyno = ship("run", "--", "python", "-c", "import app, os; print(os.environ['DYNO'])")
    assert dyno.out.startswith("run.")
    done = ship("run", "-x", "--env", "A=1;B=two words", "-e", "LEVEL=run", "--", "sh", "-c", line)
    assert (done.status, done.out) == (7, "1|two words|run|kept\n")
    assert not list(server.paths("blog").run.glob("run.*"))
    assert run_records.going_on(server.paths("blog")) == []


def test_input_and_output_pass_as_they_are(ship: Ship) -> None:
    done = ship("run", "--no-tty", "--", "cat", given=b"\x00\xff\r\n")
    assert (done.status, done.raw) == (0, b"\x00\xff\r\n")


def test_why_a_run_failed_is_told_behind_its_own_words(ship: Ship) -> None:
    done = ship("run", "--", "python", "-c", "import os; os.environ['NEEDED']")
    assert done.status == 1
    assert done.err.endswith(
        "KeyError: 'NEEDED'\nship: The app needs NEEDED, which is not set. "
        "Set it with `ship config:set NEEDED=...`.\n"
    )


def test_a_limit_of_time_ends_a_run(ship: Ship) -> None:
    done = ship("run", "--timeout", "1s", "--", "sleep", "60")
    assert done.status == 11
    assert "took longer than its limit of 1 s" in done.err


def test_memory_cannot_be_limited_here_and_that_is_said(ship: Ship) -> None:
    done = ship("run", "--memory", "64M", "--", "true")
    assert done.status == 2
    assert "(usage/no-such-limit-here)" in done.err


def test_a_detached_run_tells_its_output_and_how_it_ended(
    server: EmbeddedServer, ship: Ship
) -> None:
    name = detach(ship, "-e", "A=x", "--", "sh", "-c", 'echo out; echo "$A" >&2; exit 3')
    wait_until(lambda: status_of(server, name) != "running", limit_s=20)
    assert ship("run:output", name).out == "out\nx\n"
    assert ship("logs", "-p", name, "-q").out == "out\nx\n"
    assert f" app[{name}]: out\n" in ship("logs").out
    others = recent(server.server, BLOG, Wanted(runs=False), 1000)
    assert not any(line.process.startswith("run.") for line in others)
    listed = json.loads(ship("run:list", "--all", "--json").out)
    (run,) = (each for each in listed if each["name"] == name)
    assert (run["status"], run["exit_code"], run["detached"]) == ("failed", 3, True)


def test_a_detached_run_keeps_its_files_over_deploys_and_their_recovery(
    server: EmbeddedServer, ship: Ship, checkout: Checkout, tmp_path: Path
) -> None:
    checkout.commit({"word.txt": "before\n"})
    assert checkout.push().status == 0
    gate = tmp_path / "gate"
    line = f"while [ ! -e {gate} ]; do sleep 0.05; done; cat word.txt"
    name = detach(ship, "--", "sh", "-c", line)
    begun_in = server.live("blog")
    assert begun_in is not None
    for text in ("two", "three"):
        checkout.commit({"word.txt": f"{text}\n"})
        assert checkout.push().status == 0
    server.server.host.jobs.stop(BLOG)  # as it is done before an unfinished change is undone
    assert status_of(server, name) == "running"
    gate.touch()
    wait_until(lambda: status_of(server, name) == "succeeded", limit_s=20)
    assert ship("run:output", name).out == "before\n"
    server.configure(BLOG, ONE="more")
    assert not server.paths("blog").release(begun_in).source.exists()


def test_a_run_that_does_not_end_is_named(server: EmbeddedServer, ship: Ship) -> None:
    begun = server.paths("blog").storage / "begun"
    line = 'trap "" TERM; touch "$SHIP_STORAGE/begun"; sleep 5'
    name = detach(ship, "--", "sh", "-c", line)
    wait_until(begun.exists)
    stopped = ship("run:stop", name)
    late = "it has not ended yet; after 10 s it is killed... "
    assert stopped.err == f"Stopping {name}... {late}done\n"


def test_runs_are_listed_and_stopped(server: EmbeddedServer, ship: Ship) -> None:
    name = detach(ship, "--", "sleep", "60")
    (row,) = [line.split() for line in ship("run:list").out.splitlines() if name in line]
    assert row[-3:] == ["detached", "sleep", "60"]
    stopped = ship("run:stop", name)
    assert (stopped.status, stopped.err) == (0, f"Stopping {name}... done\n")
    assert status_of(server, name) == "stopped"
    assert ship("run:output", name).out == "ship: It was stopped.\n"
    again = ship("run:stop", name)
    assert again.status == 20
    assert "has ended already: stopped." in again.err
    ship("run:stop", "--all")
    empty = ship("run:list")
    assert (empty.out, empty.err) == ("", "Nothing is being run in blog.\n")


def test_a_run_at_a_terminal_is_listed_and_can_be_stopped_by_another(
    server: EmbeddedServer, ship: Ship
) -> None:
    argv = (*Typed.argv(), "run", "-a", "blog", "--", "sleep", "60")
    process = subprocess.Popen(argv, env=Typed.environment(server.root))
    try:
        wait_until(lambda: bool(run_records.going_on(server.paths("blog"))), limit_s=20)
        (run,) = run_records.going_on(server.paths("blog"))
        assert not run.detached
        refused = ship("run:output", run.name)
        assert refused.status == 20
        assert "is not kept: it goes to the terminal of" in refused.err
        wait_until(lambda: ship("run:stop", "--all").err.endswith("done\n"), limit_s=20)
        assert process.wait(20) == 143
    finally:
        process.kill()
        process.wait()
    assert run_records.going_on(server.paths("blog")) == []


def test_output_that_is_too_long_keeps_its_end(server: EmbeddedServer, ship: Ship) -> None:
    name = detach(ship, "--", "sh", "-c", "yes line 2>/dev/null | head -c 3000000; echo the end")
    wait_until(lambda: status_of(server, name) == "succeeded", limit_s=20)
    kept = ship("run:output", name).out
    assert kept.startswith("ship: The output before this is not kept: it was too long.\nline\n")
    assert kept.endswith("line\nthe end\n")
    assert len(kept) < 1_100_000


def test_output_is_followed_until_the_run_ends(ship: Ship) -> None:
    name = detach(ship, "--", "sh", "-c", "echo begun; sleep 0.5; echo ended")
    assert ship("run:output", "-t", name).out == "begun\nended\n"


def test_a_run_ends_with_its_app(server: EmbeddedServer) -> None:
    server.create("short")
    checkout = server.checkout("short")
    checkout.commit(wsgi("short"))
    assert checkout.push().status == 0
    root = server.root
    begun = type_ship(root, "run:detached", "-a", "short", "--", "sleep", "61")
    assert begun.status == 0, begun.err
    (run,) = run_records.going_on(server.paths("short"))
    gone = type_ship(root, "apps:destroy", "short", "--confirm", "short")
    assert gone.status == 0, gone.err
    assert not lifetimes.lives(run.pid, run.birth)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("run:output", "run.999"), "not-found/run"),
        (("run:output", "web.1"), "usage/bad-run-name"),
        (("run:stop",), "usage/no-run"),
        (("run:detached",), "usage/no-command"),
        (("run", "--env", "A", "--", "true"), "usage/bad-env"),
        (("run", "--timeout", "soon", "--", "true"), "usage/bad-limit"),
    ],
)
def test_what_cannot_be_meant(ship: Ship, words: tuple[str, ...], reason: str) -> None:
    assert f"({reason})" in ship(*words).err


def test_runs_end_with_the_server(server: EmbeddedServer, ship: Ship) -> None:
    name = detach(ship, "--", "sleep", "62")
    server.close()
    assert status_of(server, name) == "stopped"
    server.start()

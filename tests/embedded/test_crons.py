"""Cron jobs on an embedded server: declared by a push, listed, started, skipped, suspended,
missed."""

import json
from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from receiver.hosts.supervisord.programs import scheduler_process
from receiver.hosts.supervisord.rpc import GONE, Supervisor, control_socket
from receiver.model.names import AppName
from receiver.runs import crons
from receiver.runs import records as run_records
from receiver.state import records
from tests.checkout import Checkout
from tests.embedded.conftest import Ship
from tests.embedded.embedded_server import EmbeddedServer, embedded_server, wait_until
from tests.embedded.pushing import wsgi

pytestmark = pytest.mark.embedded

BLOG = AppName("blog")
JOBS = """
[cron.nightly]
schedule = "0 3 * * *"
command = 'echo "$GREETING in $SHIP_APP"; cat word.txt | tr a-z A-Z; exit ${CODE:-0}'

[cron.slow]
schedule = "@yearly"
command = "sleep 60"
limit_s = 2

[cron.waits]
schedule = "@yearly"
command = 'while [ ! -e "$SHIP_STORAGE/gate" ]; do sleep 0.05; done'
"""


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedServer]:
    with embedded_server() as found:
        yield found


@pytest.fixture(scope="module", autouse=True)
def checkout(server: EmbeddedServer) -> Checkout:
    found = server.publish("blog", wsgi("one") | {"word.txt": "first\n", "ship.toml": JOBS})
    server.configure(BLOG, GREETING="hello")
    return found


def scheduler_pid(server: EmbeddedServer) -> int:
    supervisor = Supervisor(control_socket(server.layout))
    return supervisor.state(scheduler_process(BLOG)).pid


def test_jobs_are_listed_with_their_next_run(ship: Ship) -> None:
    listed = json.loads(ship("cron", "--json").out)
    # another test of this module adds one behind them
    assert [job["name"] for job in listed][:3] == ["nightly", "slow", "waits"]
    assert listed[0]["schedule"] == "0 3 * * *"
    assert listed[0]["next_at"].endswith("T03:00:00Z")
    assert listed[0]["missed"] == []
    shown = ship("cron:list").out.splitlines()
    assert shown[1].split()[:2] == ["slow", "@yearly"]


def test_a_job_is_run_by_hand_with_its_output_and_exit_code(
    server: EmbeddedServer, ship: Ship
) -> None:
    done = ship("cron:run", "nightly")
    assert (done.status, done.out, done.err) == (0, "hello in blog\nFIRST\n", "")
    assert ship("cron:output", "nightly").out == done.out
    server.configure(BLOG, CODE="9")
    assert ship("cron:run", "nightly").status == 9
    latest = json.loads(ship("cron:history", "nightly", "--json").out)[0]
    assert (latest["status"], latest["exit_code"], latest["job"]) == ("failed", 9, "nightly")
    assert latest["by"] != "schedule"
    (row,) = ship("cron:history", "nightly", "-n", "1").out.splitlines()
    assert row.endswith("failed, exit code 9")


def test_a_job_has_a_limit_of_time(ship: Ship) -> None:
    done = ship("cron:run", "slow")
    assert done.status == 11
    assert "took longer than its limit of 2 s" in done.err
    assert json.loads(ship("cron:history", "slow", "--json").out)[0]["status"] == "timed out"


def test_a_run_whose_predecessor_goes_on_is_skipped_and_that_is_told(
    server: EmbeddedServer, ship: Ship
) -> None:
    begun = ship("cron:run", "waits", "--detach").out.strip()
    for _ in range(2):
        crons.fire(server.server, BLOG, "waits", wait=True)
    refused = ship("cron:run", "waits")
    assert refused.status == 10
    assert f"{begun} of the cron job waits still goes on" in refused.err
    (server.paths("blog").storage / "gate").touch()
    number = int(begun.removeprefix("run."))
    wait_until(
        lambda: run_records.find(server.paths("blog"), number).status == "succeeded", limit_s=20
    )
    history = json.loads(ship("cron:history", "waits", "--json").out)
    assert [(run["status"], run["times"]) for run in history] == [("skipped", 2), ("succeeded", 1)]
    assert "skipped, 2 times" in ship("cron:history", "waits").out


def test_the_scheduler_starts_what_it_has_to_catch_up_with(
    server: EmbeddedServer, ship: Ship, checkout: Checkout
) -> None:
    asleep = 'schedule = "0 3 * * *"\ncatch_up = true\ncommand = "echo caught up"'
    checkout.commit({"ship.toml": f"{JOBS}\n[cron.late]\n{asleep}\n"})
    assert checkout.push().status == 0
    paths = server.paths("blog")
    timers = records.read_timers(paths)
    assert [run for run in run_records.of_job(paths, "late") if run.by == "schedule"] == []
    long_ago = replace(timers["late"], since="2026-01-01T00:00:00Z")
    records.write_timers(paths, timers | {"late": long_ago})
    server.close()
    server.start()
    wait_until(
        lambda: [run.status for run in run_records.of_job(paths, "late")][-1:] == ["succeeded"],
        limit_s=20,
    )
    history = json.loads(ship("cron:history", "late", "--json").out)
    assert [(run["status"], run["by"]) for run in history] == [
        ("succeeded", "schedule"),
        ("missed", "schedule"),
    ]
    assert ship("cron:output", "late").out == "caught up\n"


def test_a_missed_run_is_told(server: EmbeddedServer, ship: Ship) -> None:
    paths = server.paths("blog")
    timers = records.read_timers(paths)
    long_ago = replace(timers["slow"], since="2023-06-01T00:00:00Z")
    for run in run_records.of_job(paths, "slow"):
        run_records.remove(paths, run)
    records.write_timers(paths, timers | {"slow": long_ago})
    told = ship("cron").err
    assert "slow was missed 3 times since 2024-01-01T00:00:00Z: the server was down." in told
    assert "`ship cron:run slow` runs it now." in told


def test_a_suspended_job_stays_suspended_over_a_deploy_until_it_is_resumed(
    server: EmbeddedServer, ship: Ship
) -> None:
    assert ship("cron:suspend", "nightly").out == "nightly\n"
    server.configure(BLOG, ANOTHER="release")
    assert "nightly" not in records.read_timers(server.paths("blog"))
    assert ship("cron").out.splitlines()[0].split()[:7] == [
        "nightly",
        "0",
        "3",
        "*",
        "*",
        "*",
        "suspended",
    ]
    assert ship("cron:run", "nightly").out == "hello in blog\nFIRST\n"
    assert ship("cron:resume", "--all").out.split()[:3] == ["nightly", "slow", "waits"]
    assert "nightly" in records.read_timers(server.paths("blog"))


def test_the_scheduler_goes_with_the_last_job_and_comes_back_with_a_rollback(
    server: EmbeddedServer, ship: Ship, checkout: Checkout
) -> None:
    before = server.live("blog")
    assert scheduler_pid(server)
    ship("cron:suspend", "--all")
    assert scheduler_pid(server) == 0
    ship("cron:resume", "--all")
    wait_until(lambda: scheduler_pid(server) > 0, limit_s=20)
    checkout.commit({"ship.toml": ""})
    assert checkout.push().status == 0
    assert Supervisor(control_socket(server.layout)).state(scheduler_process(BLOG)) == GONE
    empty = ship("cron")
    assert empty.out == ""
    assert empty.err == "blog has no cron jobs. They are declared in ship.toml: [cron.NAME].\n"
    server.rollback(BLOG, before)
    assert "nightly" in ship("cron").out
    wait_until(lambda: scheduler_pid(server) > 0, limit_s=20)


def test_a_push_with_a_job_that_cannot_be_meant_is_refused(
    server: EmbeddedServer, checkout: Checkout
) -> None:
    live = server.live("blog")
    checkout.commit({"ship.toml": "[cron.bad]\nschedule = '61 * * * *'\ncommand = 'x'\n"})
    pushed = checkout.push()
    assert pushed.status == 1
    assert "Its minute is `61`: 61 is not a number from 0 to 59." in pushed.text
    assert server.live("blog") == live


@pytest.mark.parametrize(
    ("words", "status", "reason"),
    [
        (("cron:run", "nothing"), 20, "not-found/cron-job"),
        (("cron:history", "nothing"), 20, "not-found/cron-job"),
        (("cron:output", "nightly", "run.9999"), 20, "not-found/run"),
        (("cron:suspend",), 2, "usage/no-cron-job"),
        (("cron:suspend", "nightly", "nothing"), 20, "not-found/cron-job"),
    ],
)
def test_what_cannot_be_meant(ship: Ship, words: tuple[str, ...], status: int, reason: str) -> None:
    done = ship(*words)
    assert done.status == status
    assert f"({reason})" in done.err

"""Cron jobs on a VPS: timers that systemd takes, when they elapse, what they start; reboots,
overlap, missed runs."""

import json
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import pytest

from receiver.hosts.systemd.on_calendar import on_calendar
from receiver.model.schedule import Schedule
from tests.vps.ship_server import ShipServer, Site

JOBS = """
[cron.each-minute]
schedule = "* * * * *"
command = 'echo "$(id -un) $GREETING"; cat word.txt; exit 3'

[cron.waits]
schedule = "0 3 1 * mon"
command = 'while [ ! -e "$SHIP_STORAGE/gate" ]; do sleep 0.1; done'

[cron.rare]
schedule = "@yearly"
command = "true"

[cron.late]
schedule = "30 4 * * *"
timezone = "Europe/Berlin"
command = "echo caught up"
catch_up = true
"""
ASKED = """
import subprocess, sys
for line in sys.stdin.read().splitlines():
    base = "--base-time=2026-01-01 00:00:00 UTC"
    command = ["systemd-analyze", "calendar", "--iterations=8", base, *line.split("|")]
    done = subprocess.run(command, capture_output=True, text=True, env={"TZ": "UTC"})
    lines = [part for part in done.stdout.splitlines() if part.endswith(" UTC")]
    times = [part.strip() for part in lines if ": " in part]
    found = sorted({time.split(": ", 1)[1][4:20] for time in times if time[0] in "NI"} - {""})
    print("|".join(time for time in found if time[:2] == "20"))
"""
SCHEDULES = (
    ("* * * * *", "UTC"),
    ("*/7 */5 * * *", "UTC"),
    ("0 3 1,15 * *", "UTC"),
    ("5 4 * * sun", "UTC"),
    ("0 0 13 * fri", "UTC"),
    ("0 0 */10 * mon-fri", "UTC"),
    ("59 23 31 * *", "UTC"),
    ("30 2 * 3 *", "Europe/Berlin"),
    ("30 2 * 10 sat-sun", "Europe/Berlin"),
    ("0 12 * * *", "Asia/Kolkata"),
    ("15 10-20/3 1 jan,jul 1", "America/New_York"),
    ("@weekly", "UTC"),
    ("@yearly", "Australia/Lord_Howe"),
)


@pytest.fixture(scope="module")
def timed(ship_server: ShipServer) -> Site:
    site = ship_server.site("timed")
    site.ship("config:set GREETING=hello")
    site.publish("timed", {"ship.toml": JOBS, "word.txt": "word\n"})
    return site


def history(site: Site, job: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(site.ship(f"cron:history {job} --json").stdout)
    return found


def listed(site: Site, job: str) -> dict[str, Any]:
    (found,) = [it for it in json.loads(site.ship("cron --json").stdout) if it["name"] == job]
    return dict(found)


def await_first(site: Site, job: str, status: str, limit_s: float = 30) -> None:
    site.server.machine.wait_until(
        lambda: [run["status"] for run in history(site, job)][:1] == [status],
        f"a run of {job} has {status}",
        limit_s,
    )


def edit(site: Site, job: str, since: str) -> None:
    """Have a job seem to be waited for since some time."""
    path = f"/var/lib/ship/apps/{site.app}/timers.json"
    timers = json.loads(site.server.root(("cat", path)))
    timers[job]["since"] = since
    text = json.dumps(timers)
    site.server.root(("python3", "-c", f"open({path!r}, 'w').write({text!r})"))


def test_systemd_means_the_same_by_a_schedule_as_ship(ship_server: ShipServer) -> None:
    lines = ["|".join(on_calendar(Schedule.parse(*each))) for each in SCHEDULES]
    said = ship_server.machine.run(("python3", "-c", ASKED), input="\n".join(lines)).stdout
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    for each, line in zip(SCHEDULES, said.splitlines(), strict=True):
        ours = [
            f"{at:%Y-%m-%d %H:%M}" for at in islice(Schedule.parse(*each).times_after(begin), 6)
        ]
        assert line.split("|")[:6] == ours, each


def test_units_are_sound_and_elapse_when_ship_says(timed: Site) -> None:
    root = timed.server.root
    names = [f"ship-timed.cron.{name}" for name in ("each.minute", "waits", "late")]
    files = " ".join(
        f"/etc/systemd/system/{name}.{kind}" for name in names for kind in ("timer", "service")
    )
    assert root(f"systemd-analyze verify {files} 2>&1") == ""
    for name in ("waits", "late"):
        show = ("systemctl", "show", "--property=NextElapseUSecRealtime", "--value")
        at = root((*show, f"ship-timed.cron.{name}.timer"))
        said = datetime.strptime(at, "%a %Y-%m-%d %H:%M:%S UTC").replace(tzinfo=UTC)
        assert f"{said:%Y-%m-%dT%H:%M:%SZ}" == listed(timed, name)["next_at"]


def test_a_timer_starts_its_job_in_the_apps_sandbox_and_all_is_on_record(timed: Site) -> None:
    live = f"v{timed.live()}"  # the tests come in any order, and another of them deploys

    def latest() -> tuple[Any, ...]:
        return next(
            ((it["release"], it["status"]) for it in history(timed, "each-minute")), (None, None)
        )

    timed.server.machine.wait_until(
        lambda: latest() == (live, "failed"), f"a run of {live} has failed", 90
    )
    run = history(timed, "each-minute")[0]
    assert (run["by"], run["exit_code"], run["release"]) == ("schedule", 3, live)
    assert run["started_at"][17:19] < "15"
    assert timed.ship("cron:output each-minute").stdout == "ship-timed hello\nword\n"
    assert "failed, exit code 3" in timed.ship("cron").stdout
    assert timed.leftovers() == []


def test_a_run_whose_predecessor_goes_on_is_skipped(timed: Site) -> None:
    start = ("systemctl", "start", "ship-timed.cron.waits.service")
    timed.server.root(start)
    timed.server.root(start)
    assert [run["status"] for run in history(timed, "waits")] == ["skipped", "running"]
    timed.publish("timed again")  # a deploy leaves it alone
    assert history(timed, "waits")[1]["status"] == "running"
    timed.server.root(("touch", "/var/lib/ship/apps/timed/storage/gate"))
    timed.server.machine.wait_until(
        lambda: history(timed, "waits")[1]["status"] == "succeeded", "the job has ended", 20
    )


def test_suspended_jobs_and_timers_outlive_a_reboot_and_what_was_missed_is_made_up_or_told(
    timed: Site,
) -> None:
    timed.ship("cron:suspend each-minute")
    root = timed.server.root
    edit(timed, "rare", "2024-06-01T00:00:00Z")
    edit(timed, "late", "2026-01-01T00:00:00Z")
    root("touch -d 2026-01-01 /var/lib/systemd/timers/stamp-ship-timed.cron.late.timer")
    timed.server.machine.reboot()
    await_first(timed, "late", "succeeded")
    assert [run["status"] for run in history(timed, "late")] == ["succeeded", "missed"]
    assert timed.ship("cron:output late").stdout == "caught up\n"
    timers = root("systemctl list-timers --plain --no-legend 'ship-timed.*'")
    assert timers.count("ship-timed.cron.") == 6  # a timer and what it starts, for three jobs
    assert listed(timed, "each-minute")["suspended"]
    told = timed.ship("cron")
    assert "rare was missed" in told.stderr
    timed.ship("cron:resume --all")
    assert not listed(timed, "each-minute")["suspended"]


def test_nothing_stays_of_jobs_that_are_gone(ship_server: ShipServer) -> None:
    site = ship_server.site("brief")
    site.publish("brief", {"ship.toml": "[cron.a-b]\nschedule = '@daily'\ncommand = 'true'\n"})
    units = "ls /etc/systemd/system /etc/systemd/system/timers.target.wants | grep ship-brief.cron"
    assert ship_server.root(units).count("ship-brief.cron.a.b") == 3
    ship_server.ship("apps:rename brief shorter")
    renamed = units.replace("brief", "shorter")
    assert ship_server.root(units, check=False) == ""
    assert ship_server.root(renamed).count("ship-shorter.cron.a.b") == 3
    ship_server.ship("apps:destroy shorter --confirm shorter")
    assert ship_server.root(renamed, check=False) == ""
    assert ship_server.root("systemctl list-units --all --plain --no-legend 'ship-shorter*'") == ""

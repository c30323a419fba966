"""Which cron jobs are waited for, since when, what was missed, and the units that wait."""

from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from pathlib import Path

from receiver.hosts.systemd.jobs import deploy_job_units, lasting_job_units
from receiver.hosts.systemd.timer_units import timer_files, timer_pattern, timer_unit
from receiver.model.cron import Cron, Timer
from receiver.model.layout import Layout
from receiver.model.names import AppName
from receiver.planner.timers import due_between, plan_timers
from receiver.runs.scheduler import Scheduler

BLOG = AppName("blog")
NOW = datetime(2026, 1, 1, 12, 0, 30, tzinfo=UTC)
STAMP = "2026-01-01T12:00:30Z"
BEFORE = "2025-12-01T00:00:00Z"
NIGHTLY = Cron(schedule="0 3 * * *", command="x")


def timer(schedule: str = "0 3 * * *", *, catch_up: bool = False, since: str = BEFORE) -> Timer:
    return Timer(schedule=schedule, timezone="UTC", catch_up=catch_up, since=since)


def scheduler(known: datetime = NOW - timedelta(days=1)) -> Scheduler:
    return Scheduler(lambda _name, _timer: known)


def test_a_job_that_stays_as_it_is_has_been_waited_for_all_along() -> None:
    assert plan_timers({"a": NIGHTLY}, (), {"a": timer()}, STAMP) == {"a": timer()}


def test_a_new_job_and_a_changed_one_are_waited_for_from_now_on() -> None:
    now = {"a": timer("0 4 * * *")}
    jobs = {"a": NIGHTLY, "b": NIGHTLY}
    assert plan_timers(jobs, (), now, STAMP) == dict.fromkeys("ab", timer(since=STAMP))


def test_nothing_waits_for_a_suspended_job_or_one_that_is_gone() -> None:
    assert plan_timers({"a": NIGHTLY}, ["a"], {"a": timer(), "b": timer()}, STAMP) == {}


def test_times_that_were_due_are_counted_up_to_a_thousand() -> None:
    assert due_between(NIGHTLY, NOW - timedelta(days=2), NOW) == [
        datetime(2025, 12, 31, 3, tzinfo=UTC),
        datetime(2026, 1, 1, 3, tzinfo=UTC),
    ]
    each_minute = Cron(schedule="* * * * *", command="x")
    assert len(due_between(each_minute, NOW - timedelta(days=9), NOW)) == 1000


def test_units_have_names_of_their_own_and_no_pattern_of_jobs_fits_them() -> None:
    names = [
        Path(file.path).name
        for job in ("nightly", "a-b")
        for file in timer_files(Layout.vps(), BLOG, {job: timer()}, Path("/opt/ship/bin/ship"))
    ]
    assert names == [
        "ship-blog.cron.nightly.timer",
        "ship-blog.cron.nightly.service",
        "ship-blog.cron.a.b.timer",
        "ship-blog.cron.a.b.service",
    ]
    for name in names:
        assert fnmatchcase(name, timer_pattern(BLOG))
        assert not fnmatchcase(name, timer_pattern(AppName("blog-b")))
        assert not fnmatchcase(name, deploy_job_units(BLOG))
        assert not fnmatchcase(name, lasting_job_units(BLOG))
    assert timer_unit(AppName("a-b"), "c") != timer_unit(AppName("a"), "b-c")


def test_a_job_is_started_when_it_is_due_and_not_twice() -> None:
    asked = scheduler()
    timers = {"a": timer("1 12 * * *"), "b": timer("*/5 * * * *")}
    assert asked.look(timers, NOW) == (["b"], 30.0)  # b has been due half a minute ago
    assert asked.look(timers, NOW + timedelta(seconds=10)) == ([], 20.0)
    assert asked.look(timers, NOW + timedelta(seconds=30)) == (["a"], 240.0)
    assert asked.look({}, NOW + timedelta(seconds=31)) == ([], 900.0)


def test_a_job_that_was_due_long_ago_is_started_only_where_it_asks_for_it() -> None:
    timers = {"a": timer(), "b": timer(catch_up=True), "c": timer(catch_up=True, since=STAMP)}
    assert scheduler().look(timers, NOW)[0] == ["b"]
    assert scheduler(known=NOW - timedelta(hours=1)).look(timers, NOW)[0] == []


def test_after_a_sleep_of_the_machine_a_job_is_not_started_for_each_time() -> None:
    asked, each_minute = scheduler(), {"a": timer("* * * * *")}
    assert asked.look(each_minute, NOW)[0] == ["a"]
    assert asked.look(each_minute, NOW + timedelta(days=3))[0] == ["a"]

"""Schedules of cron's: what they mean, when they are due next, and how systemd is told."""

from datetime import UTC, datetime, timedelta
from itertools import islice

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from receiver.hosts.systemd.on_calendar import on_calendar
from receiver.model.schedule import Schedule, ScheduleError

NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)  # a Thursday
RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("* * * * *", ["01-01 00:01", "01-01 00:02", "01-01 00:03"]),
        ("*/20 * * * *", ["01-01 00:20", "01-01 00:40", "01-01 01:00"]),
        ("0 3 * * *", ["01-01 03:00", "01-02 03:00", "01-03 03:00"]),
        ("15,45 1-2 * * *", ["01-01 01:15", "01-01 01:45", "01-01 02:15"]),
        ("50/5 0 * * *", ["01-01 00:50", "01-01 00:55", "01-02 00:50"]),
        ("0 0 * * 7", ["01-04 00:00", "01-11 00:00", "01-18 00:00"]),
        ("0 0 * * 0", ["01-04 00:00", "01-11 00:00", "01-18 00:00"]),
        ("0 0 * * Sat-SUN", ["01-03 00:00", "01-04 00:00", "01-10 00:00"]),
        ("0 12 * feb-MAR/1 mon", ["02-02 12:00", "02-09 12:00", "02-16 12:00"]),
        # the day of the month or that of the week, where both are restricted
        ("0 0 2 * mon", ["01-02 00:00", "01-05 00:00", "01-12 00:00"]),
        # and both, where one of them begins with a star
        ("0 0 */2 * mon", ["01-05 00:00", "01-19 00:00", "02-09 00:00"]),
        ("0 0 31 * *", ["01-31 00:00", "03-31 00:00", "05-31 00:00"]),
        ("@hourly", ["01-01 01:00", "01-01 02:00", "01-01 03:00"]),
        ("@Weekly", ["01-04 00:00", "01-11 00:00", "01-18 00:00"]),
        ("@monthly", ["02-01 00:00", "03-01 00:00", "04-01 00:00"]),
    ],
)
def test_is_due(text: str, expected: list[str]) -> None:
    due = islice(Schedule.parse(text).times_after(NEW_YEAR), 3)
    assert [f"{each:%m-%d %H:%M}" for each in due] == expected


@pytest.mark.parametrize(
    ("text", "zone", "after", "expected"),
    [
        ("30 2 * * *", "Europe/Berlin", "2026-03-28T12:00Z", "2026-03-30T00:30Z"),
        ("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00Z", "2026-10-25T00:30Z"),
        ("0 9 * * *", "Asia/Kolkata", "2026-01-01T04:00Z", "2026-01-02T03:30Z"),
        ("0 0 29 2 *", "UTC", "2026-01-01T00:00Z", "2028-02-29T00:00Z"),
    ],
)
def test_days_without_that_time_and_leap_years_are_passed_over(
    text: str, zone: str, after: str, expected: str
) -> None:
    due = Schedule.parse(text, zone).next_after(datetime.fromisoformat(after))
    assert due == datetime.fromisoformat(expected)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "It has 0 fields, and five are needed: minute, hour,"),
        ("0 3 * *", "It has 4 fields,"),
        ("0 0 3 * * *", "It has 6 fields,"),
        ("60 * * * *", "Its minute is `60`: 60 is not a number from 0 to 59."),
        ("0 24 * * *", "Its hour is `24`: 24 is not a number from 0 to 23."),
        ("0 0 0 * *", "Its day of the month is `0`: 0 is not a number from 1 to 31."),
        ("0 0 * 13 *", "Its month is `13`: 13 is not a number from 1 to 12 or jan, feb,"),
        ("0 0 * * 8", "Its day of the week is `8`: 8 is not a number from 0 to 7 or sun, mon,"),
        ("0 0 * * noon", "Its day of the week is `noon`: 'noon' is neither `*`,"),
        ("0 0 * * abc", "abc is not a number from 0 to 7 or sun,"),
        ("0 mon * * *", "Its hour is `mon`: mon is not a number from 0 to 23."),
        ("9-5 * * * *", "Its minute is `9-5`: the range 9-5 runs backwards."),
        ("*/0 * * * *", "Its minute is `*/0`: a step of 0 gets nowhere."),
        ("1,,2 * * * *", "Its minute is `1,,2`: '' is neither `*`,"),
        ("-1 * * * *", "Its minute is `-1`: '-1' is neither"),
        ("0 0 L * *", "Its day of the month is `L`: 'l' is neither"),
        ("0 0 30 feb *", "There is no such day in any year, so it would never run."),
        ("@reboot", "There is no @reboot; there are @hourly, @daily,"),
    ],
)
def test_what_cannot_be_meant_is_refused(text: str, told: str) -> None:
    with pytest.raises(ScheduleError) as refused:
        Schedule.parse(text)
    assert told in str(refused.value)


@pytest.mark.parametrize("zone", ["Mars/Base", "../../etc/passwd", "", "CESTT"])
def test_a_time_zone_has_to_exist(zone: str) -> None:
    with pytest.raises(ScheduleError, match="There is no time zone"):
        Schedule.parse("@daily", zone)


@pytest.mark.parametrize(
    ("text", "zone", "expected"),
    [
        ("* * * * *", "UTC", ("*-*-* *:*:00 UTC",)),
        ("*/15 9-17 * * mon-fri", "UTC",
         ("Mon,Tue,Wed,Thu,Fri *-*-* 09,10,11,12,13,14,15,16,17:00,15,30,45:00 UTC",)),
        ("0 3 1,15 * *", "Europe/Berlin", ("*-*-01,15 03:00:00 Europe/Berlin",)),
        ("0 3 1 * sun", "UTC", ("*-*-01 03:00:00 UTC", "Sun *-*-* 03:00:00 UTC")),
        ("@yearly", "UTC", ("*-01-01 00:00:00 UTC",)),
    ],
)  # fmt: skip
def test_systemd_is_told_the_same(text: str, zone: str, expected: tuple[str, ...]) -> None:
    assert on_calendar(Schedule.parse(text, zone)) == expected


def _field(low: int, high: int) -> st.SearchStrategy[str]:
    number = st.integers(low, high)
    pair = st.tuples(number, number).map(sorted)
    step = st.integers(1, high)
    return st.one_of(
        st.just("*"),
        number.map(str),
        step.map(lambda every: f"*/{every}"),
        pair.map(lambda ends: f"{ends[0]}-{ends[1]}"),
        st.tuples(pair, step).map(lambda it: f"{it[0][0]}-{it[0][1]}/{it[1]}"),
        st.lists(number, min_size=1, max_size=4).map(lambda each: ",".join(map(str, each))),
    )


@given(st.tuples(*(_field(*ends) for ends in RANGES)), st.integers(0, 60 * 24 * 365))
def test_the_next_time_is_the_first_that_fits(fields: tuple[str, ...], minutes: int) -> None:
    schedule = _parsed(" ".join(fields))
    assume(schedule)
    assert schedule
    begin = NEW_YEAR + timedelta(minutes=minutes)
    due = schedule.next_after(begin)
    assert due is not None
    fits = _Rule(fields)
    first = (begin + timedelta(minutes=each) for each in range(1, 60 * 48))
    assert next(filter(fits, first), due) == due
    assert fits(due)


def _parsed(text: str) -> Schedule | None:
    """The schedule, unless it is one such as `0 0 31 2 *`."""
    try:
        return Schedule.parse(text)
    except ScheduleError as error:
        if "no such day" in str(error):
            return None
        raise


class _Rule:
    """The same rule told another way: by the numbers that each field names."""

    def __init__(self, fields: tuple[str, ...]) -> None:
        self._parts = [_named(field, ends) for field, ends in zip(fields, RANGES, strict=True)]
        self._starred = "*" in (fields[2][0], fields[4][0])

    def __call__(self, at: datetime) -> bool:
        minutes, hours, days, months, weekdays = self._parts
        day, weekday = (
            at.day in days,
            not weekdays.isdisjoint({at.isoweekday(), at.isoweekday() % 7}),
        )
        fits = day and weekday if self._starred else day or weekday
        return fits and at.minute in minutes and at.hour in hours and at.month in months


def _named(field: str, ends: tuple[int, int]) -> frozenset[int]:
    parts = range(ends[0], ends[1] + 1)
    return frozenset(
        part for part in parts if any(_item_fits(item, part, ends) for item in field.split(","))
    )


def _item_fits(item: str, part: int, ends: tuple[int, int]) -> bool:
    head, _, step = item.partition("/")
    low, _, high = f"{ends[0]}-{ends[1]}".partition("-") if head == "*" else head.partition("-")
    return int(low) <= part <= int(high or low) and (part - int(low)) % int(step or 1) == 0

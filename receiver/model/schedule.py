"""A schedule of cron's, five fields or a name such as `@daily`: what it means, and when it is
due next.

As in Debian's cron, a day has to fit both day fields where one of them begins with `*`, and either
of them otherwise.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta, tzinfo

import msgspec

from receiver.model.patterns import regex

NICKNAMES = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_ITEM = regex(r"(?:\*|([0-9]+|[a-z]{3})(?:-([0-9]+|[a-z]{3}))?)(?:/([0-9]+))?")
_SUNDAY_TOO = 7
_LONGEST_PAUSE_DAYS = 366 * 40
"""The 29th of February on a given weekday comes every 28 years, and every 40 around the year
2100."""


class ScheduleError(ValueError):
    """A schedule that cannot be meant; says in which field and why."""


class _Field(msgspec.Struct, frozen=True):
    name: str
    low: int
    high: int
    names: Mapping[str, int]


_FIELDS = (
    _Field("minute", 0, 59, {}),
    _Field("hour", 0, 23, {}),
    _Field("day of the month", 1, 31, {}),
    _Field("month", 1, 12, {name: number for number, name in enumerate(_MONTHS, 1)}),
    _Field("day of the week", 0, 7, {name: number for number, name in enumerate(WEEKDAYS)}),
)


class Schedule(msgspec.Struct, frozen=True):
    """When something is due: in these minutes of these hours, on the days that fit."""

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: tuple[int, ...]
    months: tuple[int, ...]
    weekdays: tuple[int, ...]
    """0 is Sunday."""
    either_day: bool
    """Whether a day need only fit one of `days` and `weekdays`: cron's rule where both are
    restricted."""
    zone: str = "UTC"

    @classmethod
    def parse(cls, text: str, zone: str = "UTC") -> "Schedule":
        """The schedule that somebody wrote.

        Raises:
            ScheduleError: it is not one, or never comes
        """
        fields = NICKNAMES.get(text.strip().lower(), text).split()
        if fields[:1] and fields[0].startswith("@"):
            raise ScheduleError(f"There is no {fields[0]}; there are {', '.join(NICKNAMES)}.")
        if len(fields) != len(_FIELDS):
            raise ScheduleError(
                f"It has {len(fields)} field{'s' * (len(fields) != 1)}, and five are needed:"
                " minute, hour, day of the month, month, day of the week."
            )
        minutes, hours, days, months, weekdays = map(_values, _FIELDS, fields)
        either = not (fields[2].startswith("*") or fields[4].startswith("*"))
        sundays = tuple(sorted({number % _SUNDAY_TOO for number in weekdays}))
        found = cls(minutes, hours, days, months, sundays, either, _known_zone(zone))
        if found.next_after(datetime(2000, 1, 1, tzinfo=UTC)) is None:
            raise ScheduleError("There is no such day in any year, so it would never run.")
        return found

    def next_after(self, moment: datetime) -> datetime | None:
        """The first time after `moment`, in UTC, at which it is due; None if there is none in
        decades.
        """
        return next(self.times_after(moment), None)

    def times_after(self, moment: datetime) -> Iterator[datetime]:
        """The times after `moment` at which it is due, in UTC, for decades."""
        zone = _zone(self.zone)
        day = moment.astimezone(zone).date()
        for _ in range(_LONGEST_PAUSE_DAYS):
            if self._fits(day):
                yield from (due for due in self._times(day, zone) if due > moment)
            day += timedelta(days=1)

    def _fits(self, day: date) -> bool:
        if day.month not in self.months:
            return False
        by_month, by_week = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        return (by_month or by_week) if self.either_day else (by_month and by_week)

    def _times(self, day: date, zone: tzinfo) -> Iterator[datetime]:
        """The times of a day, without those that the change to summer time leaves out."""
        for hour in self.hours:
            for minute in self.minutes:
                at = datetime.combine(day, time(hour, minute), zone)
                due = at.astimezone(UTC)
                if due.astimezone(zone).time() == at.time():
                    yield due


def _values(field: _Field, text: str) -> tuple[int, ...]:
    found: set[int] = set()
    for item in text.lower().split(","):
        found |= _item_values(field, item, _refusal(field, text))
    return tuple(sorted(found))


def _item_values(field: _Field, item: str, refuse: Callable[[str], ScheduleError]) -> set[int]:
    match = _ITEM.fullmatch(item)
    if match is None:
        raise refuse(
            f"{item!r} is neither `*`, a number, a range such as 1-5, nor a step as in `*/5`."
        )
    first, last, step = match.groups()
    if first is None:
        low, high = field.low, field.high
    else:
        low = _number(field, first, refuse)
        # as cron has it, 10/5 is from 10 on; and a range that ends on a Sunday ends with day 7
        high = _number(field, last, refuse) if last else (field.high if step else low)
        high = _SUNDAY_TOO if last == "sun" and low else high
    if low > high:
        raise refuse(f"the range {first}-{last} runs backwards.")
    if step is not None and int(step) == 0:
        raise refuse("a step of 0 gets nowhere.")
    return set(range(low, high + 1, int(step or 1)))


def _number(field: _Field, text: str, refuse: Callable[[str], ScheduleError]) -> int:
    number = field.names.get(text, int(text) if text.isdigit() else -1)
    if not field.low <= number <= field.high:
        names = f" or {', '.join(field.names)}" if field.names else ""
        raise refuse(f"{text} is not a number from {field.low} to {field.high}{names}.")
    return number


def _refusal(field: _Field, text: str) -> Callable[[str], ScheduleError]:
    return lambda why: ScheduleError(f"Its {field.name} is `{text}`: {why}")


def _zone(name: str) -> tzinfo:
    # a machine without a database of time zones knows this one all the same
    if name == "UTC":
        return UTC
    from zoneinfo import ZoneInfo  # noqa: PLC0415 - a part of every push, for the few that name a zone

    return ZoneInfo(name)


def _known_zone(name: str) -> str:
    try:
        _zone(name)
    except (KeyError, OSError, ValueError) as error:
        raise ScheduleError(
            f"There is no time zone {name!r}; zones have names such as Europe/Berlin."
        ) from error
    return name

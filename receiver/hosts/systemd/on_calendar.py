"""Says a schedule of cron's in the words of systemd: OnCalendar expressions. Pure."""

from collections.abc import Sequence

from receiver.model.schedule import WEEKDAYS, Schedule

_EVERY = {"minute": 60, "hour": 24, "day": 31, "month": 12, "weekday": 7}


def on_calendar(schedule: Schedule) -> tuple[str, ...]:
    """Expressions that together are due when the schedule is.

    systemd wants a day to fit its weekday and its date; so cron's rule, by which either will do,
    takes two.
    """
    days = _numbers("day", schedule.days)
    weekdays = _weekdays(schedule.weekdays)
    if not schedule.either_day:
        return (_expression(schedule, weekdays, days),)
    return _expression(schedule, "", days), _expression(schedule, weekdays, "*")


def _expression(schedule: Schedule, weekdays: str, days: str) -> str:
    date = f"*-{_numbers('month', schedule.months)}-{days}"
    time = f"{_numbers('hour', schedule.hours)}:{_numbers('minute', schedule.minutes)}:00"
    return f"{weekdays}{date} {time} {schedule.zone}"


def _numbers(kind: str, values: Sequence[int]) -> str:
    if len(values) == _EVERY[kind]:
        return "*"
    return ",".join(f"{value:02}" for value in values)


def _weekdays(values: Sequence[int]) -> str:
    if len(values) == _EVERY["weekday"]:
        return ""
    return ",".join(WEEKDAYS[value].capitalize() for value in values) + " "

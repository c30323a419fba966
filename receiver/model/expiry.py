"""When a token stops counting, as somebody types it. Pure."""

from datetime import UTC, datetime, timedelta

from receiver.model.errors import UsageError
from receiver.model.patterns import regex

_AFTER = regex(r"([1-9][0-9]{0,3})([hdw])")
_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}


def parse_expiry(text: str, now: str) -> str:
    """`90d` from now on, or a time of UTC such as `2027-03-01`, as a stamp.

    Raises:
        UsageError: it is neither, or is over
    """
    given, today = text.strip(), datetime.fromisoformat(now)
    if found := _AFTER.fullmatch(given):
        return _stamp(today + int(found[1]) * _UNITS[found[2]])
    try:
        at = datetime.fromisoformat(given)
    except ValueError:
        raise _bad(f"{text!r} is no time at which a token could expire.") from None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    if at <= today:
        raise _bad(f"{given} is in the past: the token would have expired already.")
    return _stamp(at)


def _stamp(at: datetime) -> str:
    return f"{at.astimezone(UTC):%FT%TZ}"


def _bad(title: str) -> UsageError:
    return UsageError(
        title,
        advice="For example: `--expires 90d`, `--expires 12h`, `--expires 2027-03-01`.",
        reason="usage/bad-time",
    )

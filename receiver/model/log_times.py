"""What `--since` and `--until` mean: a while ago, or a time. Pure."""

from datetime import UTC, datetime

from receiver.model.errors import UsageError
from receiver.model.log_line import microseconds
from receiver.model.patterns import regex

_WHILE = regex(r"([0-9]{1,6}) ?(s|m|h|d|w)(?: ago)?")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}
_SECOND_US = 1_000_000


def moment_us(text: str, option: str, now_us: int) -> int:
    """The moment that a text means, in microseconds since 1970.

    Args:
        text: such as `10m`, `2026-01-31`, `2026-01-31T08:15`; without a zone it is of UTC,
            as all times shown are
        option: where it was typed, for the error
        now_us: what `10m` is before

    Raises:
        UsageError: it is neither
    """
    given = text.strip()
    found = _WHILE.fullmatch(given)
    if found is not None:
        return now_us - int(found[1]) * _SECONDS[found[2]] * _SECOND_US
    try:
        at = datetime.fromisoformat(given)
    except ValueError:
        raise _not_a_time(text, option) from None
    return microseconds(at if at.tzinfo else at.replace(tzinfo=UTC))


def _not_a_time(text: str, option: str) -> UsageError:
    return UsageError(
        f"{text!r} is no time for --{option}.",
        detail="It takes a while, counted back from now: 30s, 10m, 1h, 2d or 1w; or a time of UTC.",
        advice=f"For example: `--{option} 10m`, `--{option} 2026-01-31`,"
        f" `--{option} 2026-01-31T08:15`, `--{option} 2026-01-31T09:15+01:00`.",
        reason="usage/bad-time",
    )

"""A run: one start of a command of an app's, by a person or by a cron job; and the limits it
gets.
"""

import re
from typing import Literal

import msgspec

from receiver.model.errors import UsageError
from receiver.model.patterns import regex

Status = Literal[
    "running", "succeeded", "failed", "timed out", "stopped", "interrupted", "skipped", "missed"
]
BY_SCHEDULE = "schedule"
DEFAULT_LIMIT_S = 24 * 3600
TIMED_OUT, STOPPED = 124, 143
"""Exit codes that stand for an end by the time limit, and by somebody's wish."""
_NAME = regex(r"(?:run\.)?([1-9][0-9]{0,8})")
_VARIABLE = regex(r"([A-Za-z_][A-Za-z0-9_]*)=(.*)", re.DOTALL)
_MEMORY = regex(r"([1-9][0-9]{0,6})(M|G)B?", re.IGNORECASE)
_CPU = regex(r"([1-9][0-9]{0,4})%")
_TIME = regex(r"([1-9][0-9]{0,6})(s|m|h|d)?")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_LONGEST_S = 7 * 86_400


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """What runs/N.json holds."""

    number: int
    command: str
    release: int
    by: str
    """Name of the key that asked, `root`, or `schedule`."""
    started_at: str
    """UTC, ISO 8601, to the second."""
    detached: bool = False
    job: str | None = None
    """Name of the cron job that it is a run of."""
    pid: int = 0
    """The process of ship's that looks after it."""
    birth: str = ""
    """What tells that process from a later one with the same id."""
    status: Status = "running"
    ended_at: str | None = None
    seconds: float | None = None
    exit_code: int | None = None
    times: int = 1
    """How many times in a row, for runs that were skipped or missed."""

    @property
    def name(self) -> str:
        return f"run.{self.number}"


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What a run may use."""

    memory: str | None = None
    """As systemd writes it: `512M`."""
    cpu: str | None = None
    """As systemd writes it: `50%` of one core."""
    time_s: int = DEFAULT_LIMIT_S


def parse_run_name(text: str) -> int:
    """The number of a run, from `run.4711` or `4711`."""
    found = _NAME.fullmatch(text)
    if found is None:
        raise UsageError(
            f"{text!r} is not the name of a run.",
            advice="Runs are named as in `run.12`; `ship run:list` lists those that go on.",
            reason="usage/bad-run-name",
        )
    return int(found[1])


def parse_variables(texts: tuple[str, ...]) -> dict[str, str]:
    """Variables from `A=1;B=2`, as often as it was given.

    A backslash before `;` keeps it in the value.
    """
    found: dict[str, str] = {}
    for text in texts:
        for part in re.split(r"(?<!\\);", text):
            if not part.strip():
                continue
            match = _VARIABLE.fullmatch(part.replace("\\;", ";").lstrip())
            if match is None:
                raise UsageError(
                    f"{part!r} does not set a variable.",
                    detail="--env takes `NAME=value`, and several of them with `;` in between.",
                    advice="For example: `ship run --env 'DEBUG=1;LEVEL=info' -- python job.py`.",
                    reason="usage/bad-env",
                )
            found[match[1]] = match[2]
    return found


def parse_limits(memory: str | None, cpu: str | None, time: str | None) -> Limits:
    """Limits as they are typed: `512M`, `50%`, `90m`."""
    size = _matched(_MEMORY, memory, "memory", "512M or 2G") if memory else None
    share = _matched(_CPU, cpu, "cpu", "50% of one core, or 200% for two") if cpu else None
    return Limits(
        memory=f"{size[1]}{size[2].upper()}" if size else None,
        cpu=share[0] if share else None,
        time_s=_seconds(time) if time else DEFAULT_LIMIT_S,
    )


def _seconds(text: str) -> int:
    found = _matched(_TIME, text, "timeout", "90s, 30m, 6h or 2d")
    seconds = int(found[1]) * _SECONDS[found[2] or "s"]
    if seconds > _LONGEST_S:
        raise _not_a_limit(text, "timeout", "30m or 6h, and at most 7d")
    return seconds


def _matched(pattern: re.Pattern[str], text: str, option: str, form: str) -> re.Match[str]:
    found = pattern.fullmatch(text.strip())
    if found is None:
        raise _not_a_limit(text, option, form)
    return found


def _not_a_limit(text: str, option: str, form: str) -> UsageError:
    return UsageError(
        f"{text!r} cannot be the --{option} of a run.",
        advice=f"Write it as in {form}.",
        reason="usage/bad-limit",
    )

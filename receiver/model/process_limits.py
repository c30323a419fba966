"""What the processes of one type may use of the machine: how it is typed, kept and shown.

Values only.
"""

import re
from typing import Annotated

import msgspec
from msgspec import Meta

from receiver.model.errors import UsageError
from receiver.model.patterns import regex

MIB = 1024 * 1024
_MEMORY = regex(r"([1-9][0-9]{0,6})([MG])(?:i?B)?", re.IGNORECASE)
_CPU = regex(r"([1-9][0-9]{0,4})%")
_CORES = regex(r"[0-9](?:\.[0-9]{1,2})?")
_TASKS = regex(r"[1-9][0-9]{0,4}")
_SMALLEST_MIB = 16
_SMALL_MIB = 1
_WISH = regex(r"(?:([a-z][a-z0-9_-]*|\*)\.)?([a-z]+)=(.+)")
_NAME = regex(r"([a-z][a-z0-9_-]*|\*)(?:\.([a-z]+))?")
WEB = "web"
WHOLE_APP = "*"
"""What stands for a type in a limit of all that runs for an app."""


class Limit(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """[limits.TYPE] of app.toml; each is of one process of the type, for web of all its workers
    together, for `*` of all that runs for the app.
    """

    memory: (
        Annotated[str, Meta(pattern=r"^[1-9][0-9]*[MG]$", description="`512M` or `2G`.")] | None
    ) = None
    cpu: (
        Annotated[
            str, Meta(pattern=r"^[1-9][0-9]*%$", description="`50%` of one core, `200%` of two.")
        ]
        | None
    ) = None
    tasks: Annotated[int, Meta(ge=4, description="Processes and threads.")] | None = None

    @property
    def memory_bytes(self) -> int | None:
        """The limit of memory as a number."""
        return None if self.memory is None else size_bytes(self.memory)

    @property
    def is_empty(self) -> bool:
        return self == Limit()

    def properties(self, *, whole_app: bool = False) -> tuple[tuple[str, str], ...]:
        """As systemd's settings of a unit, all of them: an empty value takes a limit away.

        All that runs for an app is limited also where nobody said so.
        """
        return (
            # what is over it is taken back first; only what cannot be is killed for it
            ("MemoryMax", self.memory or (APP_MEMORY if whole_app else "infinity")),
            ("CPUQuota", self.cpu or ""),
            ("TasksMax", str(self.tasks or (APP_TASKS if whole_app else "infinity"))),
        )


class Whole(msgspec.Struct, frozen=True, kw_only=True):
    """What all that runs for an app may use together, or all that runs for any."""

    app: str | None
    """None for all apps."""
    memory: str
    """`512M`, or a share of the machine's such as `80%`."""
    tasks: str
    """Processes and threads: a number, or a share of what the kernel allows."""


APP_MEMORY = "80%"
"""Of the machine's, for all that runs for one app, where nobody said otherwise."""
APP_TASKS = 4096
NAMES = Limit.__struct_fields__


def size_bytes(text: str) -> int:
    """`512M` as a number of bytes."""
    return int(text[:-1]) * MIB * (1024 if text.endswith("G") else 1)


def shown_mib(count: int) -> str:
    """Bytes as people read them: `96M`, `0.4M`."""
    size = count / MIB
    return f"{size:.1f}M" if 0 < size < _SMALL_MIB else f"{round(size)}M"


def parse_wishes(words: tuple[str, ...]) -> dict[str, dict[str, str | int]]:
    """Limits by process type, from `web.memory=256M worker.cpu=50%`; without a type, web is meant.

    Raises:
        UsageError: one of them says nothing that can be
    """
    found: dict[str, dict[str, str | int]] = {}
    for word in words:
        match = _WISH.fullmatch(word)
        if match is None or match[2] not in NAMES:
            raise _refused(f"{word!r} is no limit of a process type.")
        found.setdefault(match[1] or WEB, {})[match[2]] = _value(match[2], match[3])
    return found


def parse_names(words: tuple[str, ...]) -> list[tuple[str, tuple[str, ...]]]:
    """Types and the limits of theirs to take away, from `web.memory worker`.

    Raises:
        UsageError: one of them names no limit
    """
    found = []
    for word in words:
        match = _NAME.fullmatch(word)
        if match is None or (match[2] and match[2] not in NAMES):
            raise _refused(f"{word!r} names no limit.")
        found.append((match[1], (match[2],) if match[2] else NAMES))
    return found


def _value(name: str, text: str) -> str | int:
    if name == "memory" and (match := _MEMORY.fullmatch(text)):
        written = f"{int(match[1])}{match[2].upper()}"
        if size_bytes(written) >= _SMALLEST_MIB * MIB:
            return written
    elif name == "cpu" and (_CPU.fullmatch(text) or (_CORES.fullmatch(text) and float(text) > 0)):
        return text if text.endswith("%") else f"{round(float(text) * 100)}%"
    elif name == "tasks" and _TASKS.fullmatch(text) and int(text) >= 4:  # noqa: PLR2004 - a master, two workers, and one
        return int(text)
    raise _refused(f"{name} cannot be {text!r}.")


def _refused(title: str) -> UsageError:
    return UsageError(
        title,
        detail=f"memory is 512M or 2G and at least {_SMALLEST_MIB}M, cpu 50% of one core or 200% "
        "of two, tasks a number from 4.",
        advice="Write TYPE.NAME=VALUE: `ship limits:set web.memory=256M worker.cpu=50%`.",
        reason="usage/bad-limit",
    )

"""A journal entry as a line of `ship logs`. Pure."""

import json
from datetime import UTC, datetime
from typing import Any

from receiver.planner.background_units import instance_of

_MICROSECONDS = 1_000_000
_SLOTS = (".web@", ".port@")
_ROUTINE = frozenset(
    {
        "7d4958e842da4a758f6c1cdc7b36dcc5",  # starting
        "39f53479d3a045ac8e11786248231fbf",  # started
        "9d1aaa27d60140bd96365438aad20286",  # stopped, also between two starts
        "5eb03494b6584870a536b337290809b3",  # a restart is due
    }
)
"""What systemd writes at every start: five lines for each of a process that crashes again and again."""


def line_of(entry: bytes) -> bytes | None:
    """Such as `2026-01-31T08:15:00Z app[worker.1]: Ready`, of what `journalctl --output=json` prints.

    What systemd says of a process, that one was killed for instance, is of `system` and not of `app`. None
    for what it says at every start, since the process tells that itself.
    """
    fields: dict[str, Any] = json.loads(entry)
    at = datetime.fromtimestamp(int(fields["__REALTIME_TIMESTAMP"]) / _MICROSECONDS, UTC)
    own = fields.get("_PID") == "1" and "UNIT" in fields
    if own and fields.get("MESSAGE_ID") in _ROUTINE:
        return None
    unit = fields["UNIT"] if own else fields.get("_SYSTEMD_UNIT", "")
    head = f"{at:%Y-%m-%dT%H:%M:%SZ} {'system' if own else 'app'}[{process_of(unit)}]: "
    return head.encode() + _message(fields.get("MESSAGE"))


def process_of(unit: str) -> str:
    """The process that a unit runs, such as `web` or `worker.1`."""
    instance = instance_of(unit)
    if instance is not None:
        return instance.name
    return "web" if any(slot in unit for slot in _SLOTS) else unit


def _message(message: object) -> bytes:
    if isinstance(message, list):  # bytes that are no UTF-8, or control characters
        return bytes(message)
    return str(message or "").encode("utf-8", "surrogateescape")

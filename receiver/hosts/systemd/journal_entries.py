"""An entry of systemd's journal as a line of an app's log. Pure."""

import json
from typing import Any, NamedTuple

from receiver.hosts.systemd.background_units import instance_of
from receiver.model.log_line import LogLine

DROPPED = "a596d6fe7bfa4994828e72309e95d61e"
"""The journal itself tells that it left out lines of somebody who wrote too many."""
TELLING = tuple(f"PRIORITY={level}" for level in range(6))
"""What systemd says of processes that is worth reading: from notices on, not what it says at
every start and stop."""
FIELDS = "MESSAGE,_SYSTEMD_UNIT,UNIT,_PID,OBJECT_SYSTEMD_UNIT,_TRANSPORT"
BY_JOURNAL = "_TRANSPORT=driver"
"""Entries that the journal itself makes: a name that begins like this is given to no entry by
who writes it."""
_SLOTS = (".web@", ".port@")


class Entry(NamedTuple):
    """A line, the part of the app that it is of, and the place in the journal."""

    line: LogLine
    unit: str
    said_by_systemd: bool
    part: str
    """`web.a`, or the type of another process."""
    cursor: str


def entry_of(raw: bytes) -> Entry | None:
    """What `journalctl --output=json` prints as an entry; None where no unit of an app's has to
    do with it.

    What systemd says of a process, that one was killed for instance, begins with `systemd: `.
    """
    fields: dict[str, Any] = json.loads(raw)
    said_by_systemd = fields.get("_PID") == "1" and "UNIT" in fields
    said_by_journal = fields.get("_TRANSPORT") == "driver"
    about = fields.get("UNIT") if said_by_systemd else None
    about = fields.get("OBJECT_SYSTEMD_UNIT") if said_by_journal else about
    unit = about or fields.get("_SYSTEMD_UNIT") or ""
    names = _names(unit)
    if names is None:
        return None
    process, part = names
    text = _message(fields.get("MESSAGE"))
    if about:
        text = b"systemd: " + text
    line = LogLine(int(fields["__REALTIME_TIMESTAMP"]), "app", process, text)
    return Entry(line, unit, said_by_systemd, part, fields.get("__CURSOR", ""))


def _names(unit: str) -> tuple[str, str] | None:
    """The process that a unit runs, such as `web` or `worker.1`, and the part of the app that it
    belongs to.
    """
    if not unit.startswith("ship-"):
        return None
    instance = instance_of(unit)
    if instance is not None:
        return instance.name, instance.type
    for slot in _SLOTS:
        head, found, letter = unit.partition(slot)
        if found and head:
            return "web", f"web.{letter.partition('.')[0]}"
    return None


def _message(message: object) -> bytes:
    if isinstance(message, list):
        # numbers are bytes that are no UTF-8, or control characters; else there is more than one
        # message
        numbers = all(isinstance(each, int) for each in message)
        return bytes(message) if numbers else b" ".join(map(_message, message))
    return str(message or "").encode("utf-8", "surrogateescape")

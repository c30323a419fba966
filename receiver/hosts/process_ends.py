"""Why a process ended last, read from what its manager wrote down of it. Pure."""

import json
import signal
from collections.abc import Iterable
from typing import Any

from receiver.model.patterns import regex

EXITED = "98e322203f7a4ed290d09fe03c09fe15"
SUCCEEDED = "7ad2d189f7e94e70a38c781354912448"
OUT_OF_MEMORY = "fe6faa94e7774663a0da52717891d8ef"
MESSAGE_IDS = (EXITED, SUCCEEDED, OUT_OF_MEMORY)
"""systemd's own numbers for what it writes into the journal: the same in all of its versions."""
_STARTING = "ship: Starting v"
_OWN_WORDS = "ship: "
_KILLED = "killed by {}"
_MEMORY = "killed, because memory ran out"
_NO_ERROR = "ended by itself, without an error"
_SUPERVISORD = regex(
    r"exited: (?P<name>\S+) \((?:exit status (?P<status>\d+)|terminated by (?P<signal>\w+))"
)


def from_journal(lines: Iterable[bytes]) -> str | None:
    """The last end that entries of one unit tell of, as `journalctl --output=json` prints them."""
    reason, memory = None, False
    for line in lines:
        entry = json.loads(line)
        kind = entry.get("MESSAGE_ID")
        if kind == OUT_OF_MEMORY:
            memory = True
            reason = _MEMORY
        elif kind == EXITED and entry.get("COMMAND") in {None, "ExecStart"}:
            reason, memory = _exit(entry, memory=memory), False
        elif kind == SUCCEEDED:
            reason, memory = _NO_ERROR, False
    return reason


def from_supervisord(lines: Iterable[str], program: str) -> str | None:
    """The last end of a program that supervisord's log tells of."""
    found = None
    for line in lines:
        match = _SUPERVISORD.search(line)
        if match and match["name"] == program:
            found = match
    if found is None:
        return None
    return _KILLED.format(found["signal"]) if found["signal"] else _status(found["status"])


def last_line(lines: Iterable[str]) -> str | None:
    """What a process wrote last since it was started last, apart from ship's own words."""
    said: str | None = None
    for line in lines:
        if line.startswith(_STARTING):
            said = None
        elif line and not line.startswith(_OWN_WORDS):
            said = line
    return said


def _exit(entry: dict[str, Any], *, memory: bool) -> str:
    status = str(entry.get("EXIT_STATUS", ""))
    if entry.get("EXIT_CODE") == "exited":
        return _status(status)
    if memory:
        return _MEMORY
    return _KILLED.format(_signal(status))


def _signal(status: str) -> str:
    """A signal by its name; systemd writes down its number, newer versions its name."""
    if not status.isdecimal():
        return f"SIG{status}"
    known = {each.value: each.name for each in signal.Signals}
    return known.get(int(status), f"signal {status}")


def _status(status: str) -> str:
    return _NO_ERROR if status == "0" else f"exit status {status}"

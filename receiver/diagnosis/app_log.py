"""The part of an app's log that tells of its last start, without what the server itself says there.

Pure.
"""

import re

from receiver.model.patterns import regex

_START = regex(
    r"^(?:ship: Starting v\d+\.|\[[^]\n]+\] \[\d+\] \[INFO\] Handling signal: hup)$", re.MULTILINE
)
"""What runtime/launch.py writes before it starts a web process, and gunicorn before it swaps its
workers."""
_SERVERS_OWN = regex(
    r"\[[^]\n]+\] \[\d+\] \[(?:INFO\]|ERROR\] (?:Shutting down: |A new worker|The new workers?"
    r"|Worker \(pid:(?!.* was sent SIG(?:KILL|SEGV|ILL|BUS|ABRT|FPE))|Reason:)).*"
    r"|The app answered \S+ with status \d+\."
)
_GAVE_UP = regex(
    r"(?:^Traceback \(most recent call last\):\n(?:[ "
    r"\t].*\n|\n)+gunicorn\.errors\.HaltServer: .*\n?"
    r"(?:\nDuring handling of the above exception, another exception occurred:\n\n)?)+",
    re.MULTILINE,
)
"""What gunicorn's master says of itself where two workers fail at once; why they did stands
before it."""


def of_last_start(log: str) -> str:
    """What the app wrote since it was started, or swapped, the last time."""
    begins = [match.end() for match in _START.finditer(log)]
    lines = _GAVE_UP.sub("", log[begins[-1] if begins else 0 :]).splitlines()
    return "\n".join(line for line in lines if not _SERVERS_OWN.fullmatch(line)).strip("\n")

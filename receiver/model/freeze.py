"""A freeze: somebody wants an app to stay as it is.

`apps:lock` makes one; the lock of a command at work is another thing.
"""

import msgspec

from receiver.model.errors import ShipError, UsageError

LONGEST_REASON = 300


class Freeze(msgspec.Struct, frozen=True, kw_only=True):
    """Who froze an app, when, and why."""

    by: str
    since: str
    reason: str = ""

    def told(self) -> str:
        """Such as `by anna since 2026-01-31T08:15:00Z: the accounts are being closed`."""
        return f"by {self.by} since {self.since}" + (f": {self.reason}" if self.reason else "")


class FrozenError(ShipError):
    """Somebody wants the app to stay as it is."""

    default_reason = "locked/by-hand"


def parse_reason(text: str) -> str:
    """A reason, as others will read it in a line.

    Raises:
        UsageError: it is longer than a line should be, or holds what cannot be shown
    """
    if len(text) > LONGEST_REASON or not text.isprintable():
        raise UsageError(
            "This cannot be the reason of a lock.",
            detail=f"It is one line of at most {LONGEST_REASON} characters, without control "
            "characters.",
            advice='For example: `ship apps:lock -a blog -m "The accounts are being closed."`',
            reason="usage/bad-lock-reason",
        )
    return text

"""Every error a person can read: what happened, what was seen, what to do, and a stable reason.

A reason such as `build/no-buildpack` is documented in docs/errors.md and is never renamed. It is
raised low and printed once, at the edge. Its first part decides the exit code.
"""

from typing import ClassVar

from receiver.model.patterns import regex

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_CODES: dict[str, int] = {
    "internal": EXIT_FAILED,
    "usage": EXIT_USAGE,
    "build": 4,
    "release": 5,
    "check": 6,
    "swap": 7,
    "server": 8,
    "git": 9,
    "locked": 10,
    "cancelled": 11,
    "not-found": 20,
    "access": 21,
    "exists": 22,
}
"""Exit code of `ship` by the class of error, the part of the reason before its slash."""

PUSH_VERDICTS: dict[int, str] = {
    EXIT_CODES["build"]: "build failed",
    EXIT_CODES["release"]: "release phase failed",
    EXIT_CODES["check"]: "check failed",
    EXIT_CODES["swap"]: "swap failed",
    EXIT_CODES["server"]: "server error",
    EXIT_CODES["locked"]: "app is locked",
    EXIT_CODES["cancelled"]: "build cancelled",
    EXIT_CODES["not-found"]: "no such app",
    EXIT_CODES["access"]: "not allowed",
}
"""What git prints in brackets behind a rejected ref, by the deploy's exit code."""


_PUSH_AGAIN = regex(r",? (?:and|then|and then) push again(?=[.:,])")


SEE_LOG = "`ship logs` shows what the app wrote."
"""An advice that is another one where that is shown as well, or where there is none."""


def without_pushing(advice: str) -> str:
    """An advice without its end that says to push again."""
    return _PUSH_AGAIN.sub("", advice)


class ShipError(Exception):
    """An error with a title, what was seen (`detail`), what to do (`advice`) and a stable
    `reason`.
    """

    default_reason: ClassVar[str] = "internal/unexpected"

    def __init__(
        self, title: str, *, detail: str = "", advice: str = "", reason: str | None = None
    ) -> None:
        super().__init__(title)
        self.title = title
        self.detail = detail
        self.advice = advice
        self.reason = reason or self.default_reason
        self.log = ""
        """What the app wrote before it came to this, for the record of the build; the detail has
        its end."""

    @property
    def exit_code(self) -> int:
        """One documented code per class of error."""
        return EXIT_CODES.get(self.reason.partition("/")[0], EXIT_FAILED)

    def fields(self) -> dict[str, str]:
        """The error as data, for `--json` and for the record of a failed deploy."""
        return {
            "title": self.title,
            "detail": self.detail,
            "advice": self.advice,
            "reason": self.reason,
        }


class UsageError(ShipError):
    """What was typed cannot be meant."""

    default_reason = "usage/bad-argument"


class NotFoundError(ShipError):
    """A name that nothing answers to."""

    default_reason = "not-found/app"


class AccessError(ShipError):
    """The key, or the account, may not do this."""

    default_reason = "access/not-granted"


class ExistsError(ShipError):
    """There is something of this name already."""

    default_reason = "exists/app"


class GitError(ShipError):
    """Git refused, or a repository is not what it should be."""

    default_reason = "git/failed"


class BuildError(ShipError):
    """The pushed tree could not be turned into a release."""

    default_reason = "build/failed"


def disk_full(seen: str) -> BuildError:
    """The error for a disk that takes nothing more, with what was seen of it."""
    return BuildError(
        "There is no space left on the server's disk.",
        detail=seen,
        advice="Make room, then do it again. `ship doctor` shows what is large.",
        reason="build/disk-full",
    )


class ReleaseError(ShipError):
    """What an app has run around its own release came to a bad end."""

    default_reason = "release/failed"


class CheckError(ShipError):
    """The new release did not answer as it should, before anybody was sent to it."""

    default_reason = "check/failed"


class SwapError(ShipError):
    """The new release passed its check but could not take over; the old one was put back."""

    default_reason = "swap/failed"


class CancelledError(ShipError):
    """Somebody, or a limit of time, ended it."""

    default_reason = "cancelled/build"


class ServerError(ShipError):
    """The server itself is not in a state to do this: nginx, disk, ports, rights."""

    default_reason = "server/failed"

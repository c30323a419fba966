"""How to tell that a release is alive: which page is asked for, and which answers count.

Values only.
"""

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from receiver.model.errors import UsageError

Status = Annotated[int, Meta(ge=100, le=599)]
Statuses = Annotated[tuple[Status, ...], Meta(min_length=1)]
Seconds = Annotated[int, Meta(ge=1, le=86_400)]
_ALIASES = {"timeout": "timeout_s", "wait": "wait_s"}
_SEVERAL = ","


class Check(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """[check] of an app's own ship.toml, and of app.toml, where `checks:set` puts it."""

    path: Annotated[str, Meta(pattern=r"^/\S*$", description="Path that is asked for.")] = "/"
    status: Annotated[
        Status | Statuses | None,
        Meta(description="The status, or the list of them, that is alive."),
    ] = None
    host: Annotated[
        Annotated[str, Meta(pattern=r"^[A-Za-z0-9.:_-]+$")] | None,
        Meta(description="Host name it is asked by, instead of the app's own."),
    ] = None
    timeout_s: Annotated[Seconds | None, Meta(description="Seconds that one answer may take.")] = (
        None
    )
    attempts: Annotated[
        int, Meta(ge=1, le=1_000, description="How often it is asked before a bad answer counts.")
    ] = 1
    wait_s: Annotated[Seconds, Meta(description="Seconds between two attempts.")] = 5

    @property
    def wanted(self) -> tuple[int, ...]:
        """The statuses that are alive; none where any below 500 is."""
        if self.status is None:
            return ()
        return (self.status,) if isinstance(self.status, int) else self.status

    @property
    def needs_time(self) -> bool:
        """Whether it asks more than once, or with a time limit: a worker cannot do that to
        itself.
        """
        return self.attempts > 1 or self.timeout_s is not None


NAMES = Check.__struct_fields__
_CAN_BE = {
    "path": "It starts with a slash and holds no blank.",
    "status": "It is a status from 100 to 599, or several: 200,204.",
    "host": "It is a host name such as www.example.com.",
    "timeout_s": "It is a whole number of seconds from 1 to 86400.",
    "attempts": "It is a whole number from 1 to 1000.",
    "wait_s": "It is a whole number of seconds from 1 to 86400.",
}
"""What a setting can be, for who gave it something else."""


def overlaid(below: Check, settings: dict[str, Any]) -> Check:
    """A check with some of its settings replaced, as app.toml holds them."""
    return msgspec.convert({**msgspec.to_builtins(below), **settings}, Check)


def parse_settings(words: tuple[str, ...]) -> dict[str, Any]:
    """What `path=/health status=200,204` says.

    Raises:
        UsageError: no setting has this name, or cannot have this value
    """
    return dict(_parse(word) for word in words)


def parse_name(text: str) -> str:
    """The name of a setting; `timeout` and `wait` are understood as well.

    Raises:
        UsageError: no setting has this name
    """
    name = _ALIASES.get(text, text)
    if name not in NAMES:
        import difflib  # noqa: PLC0415 - only this error needs it

        close = difflib.get_close_matches(name, NAMES, n=1)
        raise _refused(
            f"A check has no setting {text!r}.", f"Did you mean {close[0]}?" if close else ""
        )
    return name


def _parse(word: str) -> tuple[str, Any]:
    name, given, text = word.partition("=")
    if not given or not text:
        raise _refused(f"{word!r} is not a setting and its value.", "")
    name = parse_name(name)
    listed = name == "status" and _SEVERAL in text
    value: Any = [part.strip() for part in text.split(_SEVERAL)] if listed else text
    try:
        checked = msgspec.convert({name: value}, Check, strict=False)
    except msgspec.ValidationError as error:
        raise _refused(f"{name} cannot be {text!r}.", _CAN_BE[name]) from error
    return name, msgspec.to_builtins(getattr(checked, name))


def _refused(title: str, detail: str) -> UsageError:
    return UsageError(
        title,
        detail=detail,
        advice=f"There are: {', '.join(NAMES)}. For example: `ship checks:set path=/health "
        "status=200`.",
        reason="usage/bad-check",
    )

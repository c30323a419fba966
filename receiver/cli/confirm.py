"""Has the name of an app typed once more before something is done that does not come back."""

from collections.abc import Callable

import click

from receiver.cli import show
from receiver.cli.command import Call
from receiver.model.errors import UsageError


def confirm(
    call: Call, given: str | None, deed: str, line: str, more: Callable[[], str] = str
) -> None:
    """Ask, where somebody can be asked and has not said it already.

    Args:
        call: the call; its app's name is what has to be typed
        given: what `--confirm` said
        deed: what is going to be done, as a sentence without its end
        line: what to type, to do it without being asked
        more: finds out what else to consider; asked only where somebody has not decided yet

    Raises:
        UsageError: the name was not typed, or was another
    """
    detail = more() if given is None else ""
    if given is None and call.environment.types:
        for told in filter(None, (f"{deed}.", detail)):
            show.progress(f" !     {told}")
        given = click.prompt(
            f"To proceed, type {call.app}", err=True, default="", show_default=False
        )
    if given is None:
        raise UsageError(
            f"{deed} only when the app's name is given once more.",
            detail=detail,
            advice=f"Type: {line}",
            reason="usage/not-confirmed",
        )
    if given != call.app:
        raise UsageError(
            f"{given!r} is not the name of the app, {call.app}. Nothing was changed.",
            reason="usage/not-confirmed",
        )

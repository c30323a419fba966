"""Signals of the tests' own process: what it starts ignores none, however it was started itself."""

import signal
from types import FrameType

_OFTEN_IGNORED = (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP)
"""A shell has what it starts in the background ignore the first two, and `nohup` the last."""


def have_children_ignore_none() -> None:
    """Let this process go on ignoring what it was started to ignore, without handing that on.

    A program that is executed inherits that a signal is ignored, but not a handler.
    """
    for number in _OFTEN_IGNORED:
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, _do_nothing)


def _do_nothing(_number: int, _frame: FrameType | None) -> None:
    """Handle a signal by going on."""

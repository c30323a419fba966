"""Errors that a framework keeps to itself, written into the app's log while a new worker is asked.

With DEBUG off, Django mails tracebacks to its ADMINS and writes them nowhere: whoever pushed would
read that the app answered 500, and not why. It tells of each by a signal before that.
"""

import contextlib
import os
import sys

import ship_runtime_worker as boot


@contextlib.contextmanager
def written(home):
    """Write such errors while the block runs; `home` is the folder of the release."""
    signals = sys.modules.get("django.core.signals")
    if signals is None:
        yield
        return

    def write(**_):
        _write(home)

    signals.got_request_exception.connect(write)
    try:
        yield
    finally:
        signals.got_request_exception.disconnect(write)


def write_on_laptop(home):
    """Write such errors for as long as the worker lives, where `ship local` runs it."""
    signals = sys.modules.get("django.core.signals")
    if signals is None or not os.environ.get("SHIP_LOCAL"):
        return

    def write(**_):
        if not sys.modules["django.conf"].settings.DEBUG:  # it writes them itself then
            _write(home)

    signals.got_request_exception.connect(write, weak=False)


def _write(home):
    error = sys.exc_info()[1]
    if error is not None:
        sys.stderr.write(boot.tell(home, error))

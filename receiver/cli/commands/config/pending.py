"""Tells of config vars that are set, and that the app does not run with yet."""

from receiver.cli import show
from receiver.cli.command import Call


def tell(call: Call) -> None:
    """A line about them, where there are any."""
    from receiver.state import config_history

    if pending := config_history.pending(call.server.app(call.app)):
        show.progress(f" !     Pending, for the next release: {pending}.")

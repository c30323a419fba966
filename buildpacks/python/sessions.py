"""What an app keeps in its web process, so that it has to be one: sessions of visitors, a
scheduler.

Read from the source, never run.
"""

import msgspec

from buildpacks.python.marks import marks
from receiver.model.build import Tree


class OneProcess(msgspec.Struct, frozen=True):
    """Why a web process has to be one."""

    because: str
    threads: int
    """How many requests it answers at the same time, where its workers have threads."""


_KEPT = {
    "flask_socketio": OneProcess("Flask-SocketIO keeps its visitors' sessions in the process", 100),
    "nicegui": OneProcess("NiceGUI keeps its visitors' sessions in the process", 100),
    "socketio": OneProcess("Socket.IO keeps its visitors' sessions in the process", 100),
    "InMemoryChannelLayer": OneProcess(
        "InMemoryChannelLayer keeps Channels' messages in the process", 100
    ),
    "APScheduler": OneProcess(
        "APScheduler runs in the web process, and each worker would run every job", 16
    ),
}
"""By the mark of it in the sources."""


def one_process(tree: Tree) -> OneProcess | None:
    """Why the web process has to be one; None where nothing says so."""
    found = marks(tree)
    return next((why for name, why in _KEPT.items() if name in found), None)

"""What an app keeps in its web process, so that it has to be one: sessions of visitors, a
scheduler.

Read from the source, never run.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from receiver.model.build import Tree

_MOST_FILES = 1_000
_MOST_BYTES = 512 * 1024
_TESTS = re.compile(r"(?:^|/)(?:tests?/|test_[^/]*$|conftest\.py$)")


@dataclass(frozen=True, slots=True)
class OneProcess:
    """Why a web process has to be one."""

    because: str
    threads: int
    """How many requests it answers at the same time, where its workers have threads."""


_SIGNS: tuple[tuple[re.Pattern[bytes], OneProcess], ...] = (
    (
        re.compile(rb"^\s*(?:from|import) flask_socketio\b", re.MULTILINE),
        OneProcess("Flask-SocketIO keeps its visitors' sessions in the process", 100),
    ),
    (
        re.compile(rb"^\s*(?:from|import) nicegui\b", re.MULTILINE),
        OneProcess("NiceGUI keeps its visitors' sessions in the process", 100),
    ),
    (
        re.compile(rb"^\s*(?:from|import) socketio\b", re.MULTILINE),
        OneProcess("Socket.IO keeps its visitors' sessions in the process", 100),
    ),
    (
        re.compile(rb"InMemoryChannelLayer"),
        OneProcess("InMemoryChannelLayer keeps Channels' messages in the process", 100),
    ),
    (
        re.compile(rb"\b(?:Background|AsyncIO|Gevent|Tornado)Scheduler\(|\bAPScheduler\("),
        OneProcess("APScheduler runs in the web process, and each worker would run every job", 16),
    ),
)


def one_process(tree: Tree) -> OneProcess | None:
    """Why the web process has to be one; None where nothing says so."""
    texts = list(_sources(tree))
    found = (why for sign, why in _SIGNS if any(sign.search(text) for text in texts))
    return next(found, None)


def _sources(tree: Tree) -> Iterator[bytes]:
    paths = [path for path in tree.files() if path.endswith(".py") and not _TESTS.search(path)]
    for path in paths[:_MOST_FILES]:
        if tree.members[path].size <= _MOST_BYTES:
            yield tree.read(path)

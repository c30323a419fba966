"""What a command is given as a file, or with `-` on standard input: read where it is typed."""

import os
import sys
from pathlib import Path

from receiver.cli import show
from receiver.cli.call import Call
from receiver.machine.readiness import READ, is_ready
from receiver.model.errors import UsageError

STDIN = "-"
_SILENT_S = 600
"""How long a pipe may bring nothing: somebody may be typing at the other end."""


def read(call: Call, path: str, most_bytes: int, *, reason: str = "", advice: str = "") -> bytes:
    """The first `most_bytes` of a file, or of standard input.

    A file is read only for who sits at this machine: over ssh, root would read it for anybody.

    Raises:
        UsageError: it cannot be read, or is not to be read; `reason` and `advice` are those
            of the command, if it has any
    """
    if path == STDIN:
        if sys.stdin.isatty():
            show.progress("Type the text; Ctrl-D on a line of its own ends it.")
            return sys.stdin.buffer.read(most_bytes)
        return _what_comes(sys.stdin.fileno(), most_bytes)
    if call.key is not None:
        raise UsageError(
            f"The file {path} is not read on the server.",
            advice=f"Send it on standard input: put `-` for its name, and `< {path}` behind the "
            "command."
            " The program `ship` on a laptop reads the file there.",
            reason=reason or "usage/file-over-ssh",
        )
    try:
        with Path(path).open("rb") as handle:
            return handle.read(most_bytes)
    except OSError as error:
        raise UsageError(
            f"The file {path} cannot be read: {error.strerror}.",
            advice=advice,
            reason=reason or "usage/unreadable-file",
        ) from error


def _what_comes(descriptor: int, most_bytes: int) -> bytes:
    data = bytearray()
    while len(data) < most_bytes:
        if not is_ready(descriptor, READ, _SILENT_S):
            raise UsageError(
                f"Nothing came on standard input for {_SILENT_S} s.",
                advice="End what is sent with the end of the file: Ctrl-D, where it is typed.",
                reason="usage/silent-input",
            )
        chunk = os.read(descriptor, most_bytes - len(data))
        if not chunk:
            break
        data += chunk
    return bytes(data)

"""What a command is given as a file, or with `-` on standard input: read where it is typed."""

import sys
from pathlib import Path

from receiver.cli import show
from receiver.cli.call import Call
from receiver.model.errors import UsageError

STDIN = "-"


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

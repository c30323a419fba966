"""What the programs for an app's storage share; they lie beside it.

Python 3.9 or newer, standard library alone.
"""

import os
import stat
import sys

sys.path.append(os.path.join(os.path.dirname(os.path.dirname(__file__)), "machine"))
import trees

MAGIC = b"SQLite format 3\0"
COMPANIONS = ("-wal", "-shm", "-journal")
"""What a database of SQLite's has beside it while it is used."""
RESCUED = "rescued"
"""Folder of a storage in which what releases had written is put aside."""


def is_database(path):
    """Whether a file is a database of SQLite's; a link is not followed."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        return stat.S_ISREG(os.fstat(fd).st_mode) and os.read(fd, len(MAGIC)) == MAGIC
    finally:
        os.close(fd)


def labels_in(aside):
    """Releases of which something was put aside, oldest first."""
    labels = [name for name in os.listdir(aside) if name[:1] == "v" and name[1:].isdigit()]
    return sorted(labels, key=lambda name: int(name[1:]))


def remove(path):
    """Remove a file, a link, or a folder with all in it, however deep; or nothing."""
    if os.path.isdir(path) and not os.path.islink(path):
        top = os.open(path, trees.FOLDER)
        try:
            trees.empty(top)
        finally:
            os.close(top)
        os.rmdir(path)
    elif os.path.lexists(path):
        os.unlink(path)

"""Compares files and folders byte for byte, in pieces, for the programs of an app's storage.

What cannot be read, or would take too long to, is taken to differ. Python 3.9 or newer, standard
library alone.
"""

import hashlib
import os
import re
import stat
from contextlib import suppress

from storage_files import is_database

CHUNK = 1024 * 1024
MOST_BYTES = 256 * CHUNK
"""What one reader reads: what differs is moved, which costs nothing."""
OPEN = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
BYTECODE = re.compile(r".+\.pyc(?:\.\d+)?")


class Reader:
    """Reads up to a limit; links are compared by what they say, and never followed."""

    def __init__(self, most_bytes=MOST_BYTES):
        self.left = most_bytes

    def same(self, path, ours, theirs):
        """Whether two trees hold the same at a path; not by a link that leads there."""
        above = os.path.dirname(path)
        while above:
            if os.path.islink(os.path.join(theirs, above)):
                return False
            above = os.path.dirname(above)
        try:
            return self._same(os.path.join(ours, path), os.path.join(theirs, path))
        except OSError:
            return False

    def digest(self, path):
        """SHA-256 of a file; None where it cannot be read."""
        found = hashlib.sha256()
        with suppress(OSError), self._opened(path) as handle:
            for chunk in self._chunks(handle):
                found.update(chunk)
            return found.hexdigest()
        return None

    def _same(self, here, there):
        waiting = [(here, there)]
        while waiting:
            ours, theirs = waiting.pop()
            kind = stat.S_IFMT(os.lstat(ours).st_mode)
            if kind in (stat.S_IFIFO, stat.S_IFSOCK):
                continue  # holds nothing
            if kind != stat.S_IFMT(os.lstat(theirs).st_mode):
                return False
            if kind == stat.S_IFDIR:
                waiting += [
                    (os.path.join(ours, name), os.path.join(theirs, name))
                    for name in os.listdir(ours)
                    if not is_python_cache(ours, name)
                ]
            elif kind == stat.S_IFLNK:
                if os.readlink(ours) != os.readlink(theirs):
                    return False
            elif kind != stat.S_IFREG or is_database(ours) or not self._same_bytes(ours, theirs):
                return False
        return True

    def _same_bytes(self, here, there):
        with self._opened(here) as ours, self._opened(there) as theirs:
            sizes = [os.fstat(each.fileno()).st_size for each in (ours, theirs)]
            if sizes[0] != sizes[1]:
                return False
            for chunk in self._chunks(ours):
                if theirs.read(len(chunk)) != chunk:
                    return False
            return not theirs.read(1)

    def _chunks(self, handle):
        while True:
            if self.left < CHUNK:
                raise OSError("more than is compared")
            chunk = handle.read(CHUNK)
            if not chunk:
                return
            self.left -= len(chunk)
            yield chunk

    def _opened(self, path):
        fd = os.open(path, OPEN)
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            os.close(fd)
            raise OSError("no file")
        return os.fdopen(fd, "rb", buffering=0)


def is_python_cache(folder, name):
    return os.path.basename(folder) == "__pycache__" and BYTECODE.fullmatch(name)

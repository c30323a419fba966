"""Copies files into an app's storage and out of it, through a pipe: `storage_copy.py VERB
ARGUMENT...`.

    pack PATH                        a tar file of one file or folder, on standard output
    unpack PATH [replace]            the other way round, on the laptop
    send STORAGE PATH [tar]          a file as it is, or a tar file, on standard output
    take STORAGE PATH LIMIT [tar]    the other way round; no more than LIMIT bytes

On the server it runs as the app's own account. Only files and folders travel; links stay behind. A
database of SQLite's is copied by SQLite itself, so that the copy is whole while others write.
Python 3.9 or newer, `-I -S`.
"""

import os
import select
import shutil
import sqlite3
import stat
import sys
import tarfile
from contextlib import closing, suppress

sys.path.append(os.path.dirname(__file__))  # `-I` leaves it out
from storage_files import COMPANIONS, is_database, remove

_NOTHING = "empty file"
"""What tarfile says where not a byte came: the other end has told why."""
ITEM = "item"
CHUNK = 1024 * 1024
SILENT_S = 600
"""How long the other end may send nothing: a dump of a database takes its time."""
LONGEST_HEADER = 64 * 1024
"""Of a tar file's: tarfile reads one whole, and what packs here writes a path in it."""
HEADERS = (tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK)
REFUSED, TOO_LARGE = 65, 73


class Refused(Exception):  # noqa: N818 - it is no fault of the program's
    def __init__(self, text, status=REFUSED):
        super().__init__(text)
        self.status = status


class Counted:
    """A pipe of which no more is read than may be taken, and not for ever."""

    def __init__(self, descriptor, limit):
        self.descriptor, self.left = descriptor, limit
        self.ready = select.poll()
        self.ready.register(descriptor, select.POLLIN)

    def read(self, size=CHUNK):
        if not self.ready.poll(SILENT_S * 1000):
            raise Refused(f"Nothing came for {SILENT_S} s; nothing was changed.")
        chunk = os.read(self.descriptor, min(size, CHUNK))
        self.left -= len(chunk)
        if self.left < 0:
            raise Refused("That is more than fits.", TOO_LARGE)
        return chunk


class Member(tarfile.TarInfo):
    """One that is what it takes: neither a long header, nor a file that is mostly holes."""

    @classmethod
    def frombuf(cls, buf, encoding, errors):
        found = super().frombuf(buf, encoding, errors)
        is_long = found.type in HEADERS and found.size > LONGEST_HEADER
        if is_long or found.type == tarfile.GNUTYPE_SPARSE:
            raise Refused("This is no tar file of ship's.")
        return found


def pack(path):
    if not os.path.lexists(path):
        raise Refused(f"There is no {path} here.")
    with tarfile.open(fileobj=sys.stdout.buffer, mode="w|", format=tarfile.PAX_FORMAT) as tar:
        for here, name in below(path, ITEM):
            add(tar, here, name)


def below(path, name):
    """A folder before what is in it; its names sorted.

    What a database keeps beside it is not a file of its own.
    """
    yield path, name
    if os.path.isdir(path) and not os.path.islink(path):
        names = sorted(os.listdir(path))
        for each in names:
            beside = next((each[: -len(end)] for end in COMPANIONS if each.endswith(end)), None)
            if beside not in names or not is_database(os.path.join(path, beside)):
                yield from below(os.path.join(path, each), f"{name}/{each}")


def add(tar, here, name):
    status = os.lstat(here)
    if stat.S_ISDIR(status.st_mode):
        entry = tarfile.TarInfo(name)
        entry.type, entry.mode = tarfile.DIRTYPE, 0o755
        tar.addfile(entry)
    elif stat.S_ISREG(status.st_mode):
        with opened(here) as handle:
            entry = tarfile.TarInfo(name)
            entry.size, entry.mtime = os.fstat(handle.fileno()).st_size, status.st_mtime
            entry.mode = 0o755 if status.st_mode & 0o100 else 0o644
            tar.addfile(entry, handle)
    else:
        sys.stderr.write(f"ship: {here} is left out: it is neither a file nor a folder.\n")


def opened(path):
    """The file to read; of a database, a copy of this moment, which has no name."""
    if not is_database(path):
        return os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb")
    copy = f"{path}.ship-copy.{os.getpid()}"
    try:
        with (
            closing(sqlite3.connect(path, timeout=20)) as source,
            closing(sqlite3.connect(copy)) as target,
        ):
            source.backup(target)
            target.execute("PRAGMA journal_mode=DELETE")
        return open(copy, "rb")
    except sqlite3.Error as error:
        raise Refused(f"The database {path} could not be copied: {error}.") from error
    finally:
        for end in ("", *COMPANIONS):
            if os.path.lexists(copy + end):
                os.unlink(copy + end)


def unpack(path, *replace):
    if os.path.lexists(path) and not replace:
        raise Refused(f"{path} is there already. --force writes over it.")
    place(sys.stdin.buffer, path)


def send(storage, path, *form):
    here = os.path.join(storage, path)
    if not os.path.lexists(here):
        raise Refused(f"The storage has no {path}.")
    if form or os.path.isdir(here):
        pack(here)
        return
    with opened(here) as handle:
        shutil.copyfileobj(handle, sys.stdout.buffer, CHUNK)


def take(storage, path, limit, *form):
    there = os.path.join(storage, path)
    source = Counted(sys.stdin.fileno(), int(limit))
    if form:
        place(source, there)
        return
    os.makedirs(os.path.dirname(there), exist_ok=True)
    incoming = f"{there}.ship-incoming.{os.getpid()}"
    try:
        with open(incoming, "xb") as handle:
            shutil.copyfileobj(source, handle, CHUNK)
            handle.flush()
            os.fsync(handle.fileno())
        put(incoming, there)
    finally:
        if os.path.lexists(incoming):
            os.unlink(incoming)
    tell(1, os.path.getsize(there))


def place(source, there):
    """Unpack beside the place, and put what came there: whole, or not at all for a file that
    breaks off.
    """
    os.makedirs(os.path.dirname(os.path.abspath(there)), exist_ok=True)
    incoming = f"{there.rstrip('/')}.ship-incoming.{os.getpid()}"
    os.mkdir(incoming, 0o700)
    try:
        count, size = extract(source, incoming)
        put(os.path.join(incoming, ITEM), there)
    finally:
        with suppress(OSError):
            remove(incoming)
    tell(count, size)


def extract(source, folder):
    count = size = 0
    try:
        with tarfile.open(fileobj=source, mode="r|", tarinfo=Member) as tar:
            for member in tar:
                tar.members.clear()  # it keeps all that it has seen
                if member.sparse is not None:  # as pax has it
                    raise Refused("This is no tar file of ship's.")
                parts = member.name.split("/")
                if parts[0] != ITEM or ".." in parts or "" in parts:
                    raise Refused("This is no tar file of ship's.")
                path = os.path.join(folder, member.name)
                if member.isdir():
                    os.mkdir(path)
                elif member.isreg():
                    with open(path, "xb") as handle:
                        shutil.copyfileobj(tar.extractfile(member), handle, CHUNK)
                    os.chmod(path, 0o755 if member.mode & 0o100 else 0o644)
                    os.utime(path, (member.mtime, member.mtime))
                    count, size = count + 1, size + member.size
    except tarfile.TarError as error:
        came = "Nothing came" if str(error) == _NOTHING else "What came is not whole"
        raise Refused(f"{came}; nothing was changed.") from error
    if not os.path.lexists(os.path.join(folder, ITEM)):
        raise Refused("Nothing came; nothing was changed.")
    return count, size


def put(here, there):
    """Move a file in place of one, or the files of a folder among those of one."""
    if os.path.isdir(here) and os.path.isdir(there):
        for name in sorted(os.listdir(here)):
            put(os.path.join(here, name), os.path.join(there, name))
        return
    if os.path.isdir(there):
        raise Refused(f"{there} is a folder, and a file came.")
    if is_database(here) or is_database(there):
        for (
            end
        ) in COMPANIONS:  # of the database that was there: the new one would be read with them
            if os.path.lexists(there + end):
                os.unlink(there + end)
    os.replace(here, there)


def tell(count, size):
    sys.stderr.write(f"{count} {'file' if count == 1 else 'files'}, {size} bytes.\n")


VERBS = {each.__name__: each for each in (pack, unpack, send, take)}


def main(argv):
    os.umask(0o027 if argv[0] == "take" else 0o022)
    try:
        VERBS[argv[0]](*argv[1:])
    except Refused as error:
        sys.stderr.write(f"ship: {error}\n")
        return error.status
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return REFUSED
    except OSError as error:
        sys.stderr.write(f"ship: {error}\n")
        return REFUSED
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Changes an app's storage and release trees, as the app's own account: `storage.py VERB <
REQUEST > ANSWER`.

Request and answer are JSON. Whatever links an app has left there lead to what its account may do
anyway. Runs with `python3 -I -S`, Python 3.9 or newer. Exit status 1: the answer is {"error": word,
"text": why}.
"""

import errno
import json
import os
import shutil
import sqlite3
import sys
import time
from contextlib import closing, contextmanager, suppress

sys.path.append(os.path.dirname(__file__))  # `-I` leaves it out
import storage_equal
from storage_files import COMPANIONS, RESCUED, is_database, labels_in, remove, trees

KEEPERS = {".gitkeep", ".keep", ".gitignore"}
LOCK_WAIT_S = 20
SUFFIXES = (".sqlite3", ".sqlite", ".db", ".db3")
SHOWN = 20


class Refused(Exception):  # noqa: N818 - it is no fault of the program's
    """It is not done; `word` says why to programs."""

    def __init__(self, word, text):
        super().__init__(text)
        self.word = word


def link(source, storage, mounts):
    """Have each mount appear in a tree that was just unpacked; returns what of the tree it
    hides.
    """
    hidden = {}
    for path, place in mounts.items():
        here = os.path.join(source, path)
        make_place(storage, place)
        if os.path.isdir(here) and not os.path.islink(here):
            found = files_below(here)
            if found:
                hidden[path] = found[:SHOWN]
            remove(here)
        elif os.path.lexists(here):
            if not os.path.islink(here):
                hidden[path] = [path]
            os.unlink(here)
        put_link(source, path, storage, place)
    return {"hidden": hidden}


def adopt(source, storage, path, place, **how):
    """Have a mount appear in the tree of a release that runs; what is there already goes into
    the storage.
    """
    here, there = os.path.join(source, path), os.path.join(storage, place)
    if how["wanted"]:
        return bring_back(source, storage, path, place, **how)
    if os.path.islink(here):
        if os.path.realpath(here) != os.path.realpath(there):
            raise Refused("link", os.readlink(here))
        return {"moved": False, "folder": os.path.isdir(there)}
    if not os.path.lexists(here):
        folder = (
            not place.endswith(SUFFIXES) if not os.path.lexists(there) else os.path.isdir(there)
        )
        make_place(storage, place + "/" * folder)
        put_link(source, path, storage, place)
        return {"moved": False, "folder": folder}
    folder = os.path.isdir(here)
    if not is_free(there):
        if not how["hide"]:
            raise Refused("both", there)
        set_aside(source, storage, path, how["label"])
        put_link(source, path, storage, place)
        return {"moved": True, "folder": os.path.isdir(there), "aside": True}
    move_in(here, there)
    return {"moved": True, "folder": folder}


def bring_back(source, storage, path, place, **how):
    """As `adopt`, with what an earlier release had written: what this one has there is put
    aside.
    """
    here, there = os.path.join(source, path), os.path.join(storage, place)
    old = os.path.join(storage, RESCUED, how["wanted"], path)
    if not os.path.lexists(old):
        raise Refused("missing", old)
    if not is_free(there):
        raise Refused("both", there)
    if os.path.lexists(here):
        os.unlink(here) if os.path.islink(here) else set_aside(source, storage, path, how["label"])
    os.makedirs(os.path.dirname(there), exist_ok=True)
    move_with_companions(old, there)
    put_link(source, path, storage, place)
    return {"moved": True, "folder": os.path.isdir(there)}


def unlink(source, path):
    """Have a mount appear no more in the tree of a release; what it holds stays in the storage."""
    here = os.path.join(source, path)
    if os.path.islink(here):
        os.unlink(here)
    return {}


def rescue(source, live, storage, label, items, keep):
    """Put what lies in a tree that is about to go aside, but for what is byte for byte in the
    live one; then forget what is older than `keep` says, but for the newest of such.

    Each of `items` is a file, or a folder that the build did not have, in whole; `digest` is that
    of the file as it was built. Done again after it was cut off, it goes on.
    """
    kept, databases = [], []
    reader = storage_equal.Reader()
    for item in items:
        path = item["path"]
        here = os.path.join(source, path)
        if not os.path.lexists(here):
            continue
        equal = is_built(reader, here, item["digest"]) or reader.same(path, source, live)
        if equal and (item["folder"] or is_alone(here)):
            continue
        database = not item["folder"] and is_database(here)
        set_aside(source, storage, path, label)
        kept.append(path)
        databases += [path] if database else []
    if kept:
        os.utime(os.path.join(storage, RESCUED, label))
        forget(os.path.join(storage, RESCUED), keep["newest"], time.time() - keep["seconds"])
    return {"kept": kept, "databases": databases}


def forget(aside, newest, before):
    """Remove what was put aside before a time, but for so many of the newest."""
    for name in labels_in(aside)[:-newest]:
        path = os.path.join(aside, name)
        if os.lstat(path).st_mtime < before:
            with suppress(OSError):
                remove(path)


def is_built(reader, path, digest):
    """Whether a file is as it was built."""
    return bool(digest) and reader.digest(path) == digest


def is_alone(path):
    """Whether nothing of a file, as of a database, is in another one beside it."""
    return not any(os.path.lexists(path + ending) for ending in COMPANIONS)


def make(storage, places):
    """Have these places be in the storage."""
    for place in places:
        make_place(storage, place)
    return {}


def make_place(storage, place):
    there = os.path.join(storage, place)
    os.makedirs(
        there if place.endswith("/") or not place else os.path.dirname(there), exist_ok=True
    )


def put_link(source, path, storage, place):
    """A relative link, which a new name of the app leaves right."""
    here = os.path.join(source, path)
    os.makedirs(os.path.dirname(here), exist_ok=True)
    target = os.path.relpath(os.path.join(storage, place), os.path.realpath(os.path.dirname(here)))
    temporary = here + ".ship-link"
    if os.path.lexists(temporary):
        os.unlink(temporary)
    os.symlink(target, temporary)
    os.replace(temporary, here)


def is_free(path):
    """Whether something can be moved there; an empty folder goes out of the way."""
    if not os.path.lexists(path):
        return True
    whole = os.path.basename(path) == "."  # the storage itself stays
    if not whole and os.path.isdir(path) and not os.path.islink(path) and not os.listdir(path):
        os.rmdir(path)
        return True
    return False


def move_in(here, there):
    """Move what is at `here` and leave a link: a file is at no moment missing, nor is a row of a
    database.
    """
    os.makedirs(os.path.dirname(there), exist_ok=True)
    if os.path.isdir(here):
        move(here, there)
        put_link(
            os.path.dirname(here),
            os.path.basename(here),
            os.path.dirname(there),
            os.path.basename(there),
        )
        return
    with written_by_nobody(here):
        names = [name for name in COMPANIONS if os.path.lexists(here + name)]
        for name in ("", *names):
            second_name(here + name, there + name)
        put_link(
            os.path.dirname(here),
            os.path.basename(here),
            os.path.dirname(there),
            os.path.basename(there),
        )
        for name in names:
            os.unlink(here + name)


def second_name(here, there):
    """A name more for the same file, so that a program which has it open goes on with it; else a
    copy.
    """
    try:
        os.link(here, there, follow_symlinks=False)
    except OSError as error:
        if error.errno not in {errno.EXDEV, errno.EPERM, errno.EMLINK}:
            raise
        shutil.copy2(here, there, follow_symlinks=False)


@contextmanager
def written_by_nobody(path):
    """Hold the lock of an SQLite database, with all that was written in its one file."""
    if not is_database(path):
        yield
        return
    with closing(sqlite3.connect(path, timeout=LOCK_WAIT_S, isolation_level=None)) as database:
        try:
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            database.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            raise Refused("busy", str(error)) from error
        yield
        database.execute("ROLLBACK")


def set_aside(source, storage, path, label):
    there = os.path.join(storage, RESCUED, label, path)
    os.makedirs(os.path.dirname(there), exist_ok=True)
    number = 1
    while os.path.lexists(there):
        number += 1
        there = os.path.join(storage, RESCUED, label, f"{path}.{number}")
    move_with_companions(os.path.join(source, path), there)


def move_with_companions(here, there):
    """A database goes first: what lies beside it, and is cut off from it, is found by itself."""
    move(here, there)
    for name in COMPANIONS:
        if os.path.lexists(here + name):
            move(here + name, there + name)


def move(here, there):
    try:
        os.rename(here, there)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        copy_over(here, there)


def copy_over(here, there):
    """Move to another file system: whole on its disk before a name there says so, and before it
    goes here.
    """
    incoming = f"{there}.ship-incoming.{os.getpid()}"
    try:
        if os.path.isdir(here) and not os.path.islink(here):
            shutil.copytree(here, incoming, symlinks=True)
        else:
            shutil.copy2(here, incoming, follow_symlinks=False)
        os.sync()
        os.rename(incoming, there)
    except BaseException:
        remove(incoming)
        raise
    remove(here)


def files_below(folder):
    found = []
    for each in trees.below(folder):
        found += [os.path.join(each.path, name) for name in each.files if name not in KEEPERS]
    return sorted(found)


VERBS = {each.__name__: each for each in (link, make, adopt, unlink, rescue)}


def main(verb):
    os.umask(0o027)
    try:
        answer = VERBS[verb](**json.load(sys.stdin))
    except Refused as error:
        answer, status = {"error": error.word, "text": str(error)}, 1
    except OSError as error:
        answer, status = {"error": "system", "text": str(error)}, 1
    else:
        status = 0
    json.dump(answer, sys.stdout)
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))

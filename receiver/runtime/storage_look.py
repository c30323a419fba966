"""Looks at an app's storage and release trees, as the app's own account: `storage_look.py VERB <
REQUEST > ANSWER`.

Request and answer are JSON; it changes nothing. Runs with `python3 -I -S`, Python 3.9 or newer.
Exit status 1: the answer is {"error": "system", "text": why}.
"""

import json
import os
import stat
import sys

sys.path.append(os.path.dirname(__file__))  # `-I` leaves it out
from storage_files import RESCUED, labels_in, trees


def used(storage):
    """What the storage holds: bytes on disk and files, in all and by the names in its top
    folder.
    """
    entries = {}
    for entry in os.scandir(storage):
        size, count = measure(entry.path)
        kind = "folder" if entry.is_dir(follow_symlinks=False) else "file"
        entries[entry.name] = {"kind": kind, "bytes": size, "files": count}
    return {"entries": entries}


def measure(path):
    found = os.lstat(path)
    size, count = found.st_blocks * 512, 1
    if not os.path.isdir(path) or os.path.islink(path):
        return size, count
    count = 0
    for folder in trees.below(path):
        for name in folder.folders + folder.files:
            size += os.stat(name, dir_fd=folder.fd, follow_symlinks=False).st_blocks * 512
        count += len(folder.files)
    return size, count


def names(storage, place):
    """What lies at a place: what is in a folder, or the file itself."""
    there = os.path.join(storage, place)
    if os.path.commonpath([os.path.realpath(there), os.path.realpath(storage)]) != os.path.realpath(
        storage
    ):
        raise FileNotFoundError(f"{place} leads out of the storage")
    if os.path.isdir(there) and not (place and os.path.islink(there)):
        found = sorted(os.listdir(there))
        return {"names": [named(name, os.path.join(there, name)) for name in found]}
    return {"names": [named(os.path.basename(place), there)]}


def named(name, path):
    status = os.lstat(path)
    kind = "folder" if stat.S_ISDIR(status.st_mode) else "file"
    kind = "link" if stat.S_ISLNK(status.st_mode) else kind
    return {"name": name, "kind": kind, "size": status.st_size, "changed_at": status.st_mtime}


def rescued(storage):
    """Releases of which files were put aside, oldest first."""
    try:
        return {"labels": labels_in(os.path.join(storage, RESCUED))}
    except OSError:
        return {"labels": []}


VERBS = {each.__name__: each for each in (used, names, rescued)}


def main(verb):
    try:
        answer, status = VERBS[verb](**json.load(sys.stdin)), 0
    except OSError as error:
        answer, status = {"error": "system", "text": str(error)}, 1
    json.dump(answer, sys.stdout)
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))

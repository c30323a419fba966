"""Owners and modes: of ship's folders and records, of what an app has to write, of the
repositories.
"""

import grp
import os
import pwd
import stat
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from receiver.doctor.seen import AppSeen, Seen
from receiver.hosts.examiner import Access, Tree
from receiver.machine import trees
from receiver.model.finding import Finding, GiveTree, SetAccess

_SHOWN = 3
"""Of more, their number is said."""
_MOST_LOOKED_AT = 20_000
"""Entries of one tree: doctor is to be quick, and a `chown -R` shows at once."""


def server(seen: Seen) -> Iterator[Finding]:
    """The folders of the server."""
    yield from _compared(seen.examiner.access(), None)


def app(seen: Seen, one: AppSeen) -> Iterator[Finding]:
    """The folders and files of an app, and its repository."""
    yield from _compared(seen.examiner.access_of(one), one)
    for tree in seen.examiner.trees_of(one):
        yield from _tree(tree, one)


def _compared(wanted: Iterable[Access], one: AppSeen | None) -> Iterator[Finding]:
    for each in wanted:
        line = _difference(each)
        if line is not None:
            yield Finding(
                name="access.owner-or-mode",
                app=one.name if one else None,
                severity="warning",
                title=f"{each.path} {_fault(each.path)}.",
                seen=(line,),
                means=each.matters,
                does=f"give it {_shown(each.uid, each.gid, each.mode)}",
                repair=(
                    SetAccess(each.path, each.uid, each.gid, each.mode, each.kind == "folder"),
                ),
            )


def _fault(path: str) -> str:
    there = os.path.lexists(path)
    return "has another owner or mode than it should" if there else "is missing"


def _difference(wanted: Access) -> str | None:
    """How a file differs from what it should be; None where it does not.

    A file that is not there is no matter here.
    """
    try:
        found = Path(wanted.path).lstat()
    except FileNotFoundError:
        return f"There is no {wanted.path}." if wanted.kind == "folder" else None
    if stat.S_ISLNK(found.st_mode):
        return None  # a link is never followed, nor changed here
    there = (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode))
    if there == (wanted.uid, wanted.gid, wanted.mode):
        return None
    return f"It is {_shown(*there)}; it should be {_shown(wanted.uid, wanted.gid, wanted.mode)}."


def _tree(tree: Tree, one: AppSeen) -> Iterator[Finding]:
    others = list(_others(tree.top, tree.owner.uid))
    if not others:
        return
    yield Finding(
        name="access.tree",
        app=one.name,
        severity="broken",
        title=f"Files in {tree.top} do not belong to {tree.whom}.",
        seen=(
            *(f"{path} belongs to {_name(uid)}." for path, uid in others[:_SHOWN]),
            *(((f"There are {len(others)} of them."),) if len(others) > _SHOWN else ()),
        ),
        means=tree.matters,
        does=f"give them to {tree.whom}",
        repair=(GiveTree(str(tree.top), tree.owner.uid, tree.owner.gid),),
    )


def _below(tree: Path) -> Iterator[trees.Folder]:
    """Its folders, as far as nobody moves them meanwhile."""
    with suppress(OSError):
        yield from trees.below(tree)


def _others(tree: Path, uid: int) -> Iterator[tuple[str, int]]:
    """What belongs to another account, without following a link."""
    looked_at = 0
    if not tree.is_dir() or tree.is_symlink():
        return
    for folder in _below(tree):
        for name in (*folder.folders, *folder.files):
            looked_at += 1
            try:
                found = os.stat(name, dir_fd=folder.fd, follow_symlinks=False)
            except FileNotFoundError:
                continue
            if found.st_uid != uid:
                yield str(tree / folder.path / name), found.st_uid
        if looked_at > _MOST_LOOKED_AT:
            return


def _shown(uid: int, gid: int, mode: int) -> str:
    return f"{_name(uid)}:{_group(gid)} {mode:04o}"


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _group(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)

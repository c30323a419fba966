"""Owners and modes: of ship's folders and records, of what an app has to write, of the
repositories.
"""

import grp
import os
import pwd
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from receiver.doctor.finding import Finding, GiveTree, SetAccess
from receiver.doctor.seen import AppSeen, Seen
from receiver.doctor.wanted_access import Ids, Wanted, app_access, embedded_access, server_access
from receiver.hosts.systemd.request_logs import NGINX_GROUP

RECEIVER = "ship"
_SHOWN = 3
"""Of more, their number is said."""
_MOST_LOOKED_AT = 20_000
"""Entries of one tree: doctor is to be quick, and a `chown -R` shows at once."""


def receiver_ids() -> Ids | None:
    """The account that receives pushes; None where it is missing."""
    try:
        found = pwd.getpwnam(RECEIVER)
    except KeyError:
        return None
    return Ids(found.pw_uid, found.pw_gid)


def server(seen: Seen) -> Iterator[Finding]:
    """The folders of the server, on a VPS."""
    receiver = receiver_ids()
    if seen.has_systemd and receiver is not None:
        nginx = grp.getgrnam(NGINX_GROUP).gr_gid
        yield from _compared(server_access(seen.server.layout, receiver, nginx), None)


def app(seen: Seen, one: AppSeen) -> Iterator[Finding]:
    """The folders and files of an app, and its repository."""
    if not seen.has_systemd:
        yield from _compared(
            embedded_access(seen.server.layout, one.paths, Ids(os.geteuid(), os.getegid())), one
        )
        return
    if one.owner is None:
        return
    owner, receiver = Ids(one.owner.uid, one.owner.gid), receiver_ids()
    if receiver is None:
        return  # told already; what belongs to it is not known
    version = one.live.release if one.live and one.release else None
    yield from _compared(app_access(one.paths, owner, receiver, version), one)
    trees = [one.paths.storage, one.paths.cache]
    if version is not None:
        trees.append(one.paths.release(version).source)
    if one.release is not None and one.release.venv is not None:
        trees.append(Path(one.release.venv))
    for tree in trees:
        yield from _tree(
            tree,
            owner,
            one,
            f"the account ship-{one.name}",
            "The app cannot read or write them: a page fails, or a build.",
        )
    repo = seen.server.layout.repo(one.name)
    yield from _tree(
        repo,
        receiver,
        one,
        "the account ship",
        "Pushes fail: git as root in a repository does this.",
    )


def _fault(path: str) -> str:
    there = os.path.lexists(path)
    return "has another owner or mode than it should" if there else "is missing"


def _compared(wanted: Iterable[Wanted], one: AppSeen | None) -> Iterator[Finding]:
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


def _difference(wanted: Wanted) -> str | None:
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


def _tree(tree: Path, owner: Ids, one: AppSeen, whom: str, means: str) -> Iterator[Finding]:
    others = list(_others(tree, owner.uid))
    if not others:
        return
    yield Finding(
        name="access.tree",
        app=one.name,
        severity="broken",
        title=f"Files in {tree} do not belong to {whom}.",
        seen=(
            *(f"{path} belongs to {_name(uid)}." for path, uid in others[:_SHOWN]),
            *(((f"There are {len(others)} of them."),) if len(others) > _SHOWN else ()),
        ),
        means=means,
        does=f"give them to {whom}",
        repair=(GiveTree(str(tree), owner.uid, owner.gid),),
    )


def _others(tree: Path, uid: int) -> Iterator[tuple[str, int]]:
    """What belongs to another account, without following a link."""
    looked_at = 0
    if not tree.is_dir() or tree.is_symlink():
        return
    for folder, folders, names, fd in os.fwalk(tree):
        for name in (*folders, *names):
            looked_at += 1
            try:
                found = os.stat(name, dir_fd=fd, follow_symlinks=False)
            except FileNotFoundError:
                continue
            if found.st_uid != uid:
                yield f"{folder}/{name}", found.st_uid
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

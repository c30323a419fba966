"""Who should own which file and folder of a VPS, and with what mode; and the rule that lets
`ship` become root. Pure.
"""

from pathlib import Path
from typing import Literal, NamedTuple

from receiver.hosts.systemd.request_logs import FOLDER
from receiver.model.layout import AppPaths, Layout
from receiver.planner.render import render

SUDOERS = "/etc/sudoers.d/ship"


class Wanted(NamedTuple):
    """One file or folder."""

    path: str
    uid: int
    gid: int
    mode: int
    kind: Literal["file", "folder"]
    matters: str
    """What goes wrong when it is otherwise."""


class Ids(NamedTuple):
    """An account's numbers."""

    uid: int
    gid: int


_ROOT = Ids(0, 0)
_PUSHES = "Pushes and commands over ssh fail."
_SERVES = "The app's processes cannot reach their files, or others can."
_PRIVATE = "Other accounts of this machine can read config vars, which hold passwords."
_WRITES = "The app cannot write its own files."
_RECORDS = "Ship cannot trust its own records: somebody else could change them."


def sudo_rule(programs: str) -> str:
    """The text of the sudo rule for ship in this folder; installer.sh makes it of the same
    template.
    """
    return render("sudoers", programs=programs)


def server_access(layout: Layout, receiver: Ids, nginx_gid: int) -> tuple[Wanted, ...]:
    """The folders that installer.sh makes, and the files in them that sshd and sudo are
    particular about.
    """
    ssh, readers = layout.state / ".ssh", Ids(0, receiver.gid)
    return (
        _folder(layout.etc, _ROOT, 0o755, _PUSHES),
        _folder(
            layout.keys, readers, 0o2750, "Others can read who may push, or the receiver cannot."
        ),
        _folder(layout.state, _ROOT, 0o711, _PUSHES),
        _folder(ssh, _ROOT, 0o755, "sshd refuses all keys when somebody else can write here."),
        _folder(layout.apps, _ROOT, 0o711, _SERVES),
        _folder(layout.repos, receiver, 0o700, "Pushes fail, or other accounts can read the code."),
        _folder(
            FOLDER, Ids(0, nginx_gid), 0o750, "nginx cannot begin new logs, or does not start."
        ),
        _file(ssh / "authorized_keys", _ROOT, 0o644, "sshd refuses all keys."),
    )


def app_access(
    paths: AppPaths, owner: Ids, receiver: Ids, version: int | None
) -> tuple[Wanted, ...]:
    """The folders of an app, and the files that hold its secrets and records."""
    found = [
        *(
            _folder(path, _ROOT, 0o711, _SERVES)
            for path in (paths.home, paths.releases, paths.slots, paths.work)
        ),
        *(_folder(path, _ROOT, 0o700, _PRIVATE) for path in (paths.builds, paths.incoming)),
        *(_folder(path, _ROOT, 0o755, _SERVES) for path in (paths.venvs, paths.logs)),
        *(_folder(path, owner, 0o700, _WRITES) for path in (paths.storage, paths.cache)),
        *(_file(path, _ROOT, 0o644, _RECORDS) for path in (paths.settings, paths.live)),
        _file(paths.config, _ROOT, 0o600, _PRIVATE),
        _file(paths.access, Ids(0, receiver.gid), 0o640, _RECORDS),
    ]
    if version is not None:
        release = paths.release(version)
        found += [
            _folder(release.home, _ROOT, 0o711, _SERVES),
            _file(release.record, _ROOT, 0o644, _RECORDS),
            _file(release.env, Ids(0, owner.gid), 0o640, _PRIVATE),
            _folder(release.source, owner, 0o750, _SERVES),
        ]
    return tuple(found)


def embedded_access(layout: Layout, paths: AppPaths, owner: Ids) -> tuple[Wanted, ...]:
    """Where everything is one user's: what others must not read."""
    return (
        _folder(layout.run.parent, owner, 0o700, _PRIVATE),
        _file(paths.config, owner, 0o600, _PRIVATE),
    )


def _folder(path: Path, owner: Ids, mode: int, matters: str) -> Wanted:
    return Wanted(str(path), owner.uid, owner.gid, mode, "folder", matters)


def _file(path: Path, owner: Ids, mode: int, matters: str) -> Wanted:
    return Wanted(str(path), owner.uid, owner.gid, mode, "file", matters)

"""Who should own which file and folder of a VPS, and with what mode; and the rule that lets
`ship` become root. Pure.
"""

from receiver.hosts.accounts import Owner
from receiver.hosts.examiner import Access
from receiver.hosts.systemd.request_logs import FOLDER
from receiver.model.layout import DOWN_MODE, AppPaths, Layout
from receiver.planner.render import render

SUDOERS = "/etc/sudoers.d/ship"
_ROOT = Owner(0, 0)
_folder, _file = Access.of_folder, Access.of_file
_PUSHES = "Pushes and commands over ssh fail."
_SERVES = "The app's processes cannot reach their files, or others can."
_PRIVATE = "Other accounts of this machine can read config vars, which hold passwords."
_WRITES = "The app cannot write its own files."
_WAITS = "Visitors wait for an app that does not start, instead of being told so."
_CODE = "Other accounts of this machine can read the code."
_RECORDS = (
    "Other accounts can read the app's records, or change them, or the app cannot read its own."
)


def sudo_rule(programs: str) -> str:
    """The text of the sudo rule for ship in this folder; installer.sh makes it of the same
    template.
    """
    return render("sudoers", programs=programs)


def server_access(layout: Layout, receiver: Owner, nginx_gid: int) -> tuple[Access, ...]:
    """The folders that installer.sh makes, and the files in them that sshd and sudo are
    particular about.
    """
    ssh, readers = layout.state / ".ssh", Owner(0, receiver.gid)
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
            FOLDER, Owner(0, nginx_gid), 0o750, "nginx cannot begin new logs, or does not start."
        ),
        _file(ssh / "authorized_keys", _ROOT, 0o644, "sshd refuses all keys."),
    )


def app_access(
    paths: AppPaths,
    owner: Owner,
    receiver: Owner,
    nginx_gid: int,
    version: int | None,
    *,
    served: bool = False,
) -> tuple[Access, ...]:
    """The folders of an app, and the files that hold its secrets and records; `served` is where
    nginx shows folders of the storage.
    """
    found = [
        *(
            _folder(path, _ROOT, 0o711, _SERVES)
            for path in (paths.home, paths.releases, paths.slots, paths.work, paths.venvs)
        ),
        *(
            _folder(path, _ROOT, 0o700, _PRIVATE)
            for path in (paths.builds, paths.incoming, paths.logs)
        ),
        _folder(paths.storage, Owner(owner.uid, nginx_gid), 0o710, _WRITES)
        if served
        else _folder(paths.storage, owner, 0o700, _WRITES),
        _folder(paths.cache, owner, 0o700, _WRITES),
        _folder(paths.down, Owner(owner.uid, nginx_gid), DOWN_MODE, _WAITS),
        *(_file(path, _ROOT, 0o600, _RECORDS) for path in (paths.settings, paths.live)),
        _file(paths.scale, Owner(0, owner.gid), 0o640, _RECORDS),
        _file(paths.config, _ROOT, 0o600, _PRIVATE),
        _file(paths.access, Owner(0, receiver.gid), 0o640, _RECORDS),
    ]
    if version is not None:
        release = paths.release(version)
        found += [
            _folder(release.home, _ROOT, 0o711, _SERVES),
            _file(release.record, Owner(0, owner.gid), 0o640, _RECORDS),
            _file(release.slug, _ROOT, 0o600, _CODE),
            _file(release.env, Owner(0, owner.gid), 0o640, _PRIVATE),
            _folder(release.source, owner, 0o750, _SERVES),
        ]
    return tuple(found)

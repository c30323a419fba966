"""Does what a finding's repair says.

Only ship's own files are touched, and what somebody changed in one is kept.
"""

import os
import stat
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import assert_never

import msgspec

from receiver.access import keys
from receiver.building import builder as building
from receiver.building import marks
from receiver.building.pip_settings import PipSettings
from receiver.changes.change import AppChange, changing
from receiver.deploy.stages import carried
from receiver.machine import files, git, git_damage, trees
from receiver.machine.interpreter import lasting
from receiver.model import finding as repairs
from receiver.model.errors import ServerError, ShipError
from receiver.model.finding import AnyRepair, Finding
from receiver.model.mounts import in_tree
from receiver.model.names import AppName
from receiver.model.output import Output
from receiver.model.plan import Link, WriteFile
from receiver.model.program import HOOKS
from receiver.server import Server
from receiver.setup import installation
from receiver.state import records

Rebuild = Callable[[AppName], int]
"""Builds an app's newest commit again; returns an exit code."""
_WAIT_S = 5
_TITLE = "repair by doctor"
_CRASHES_AGAIN_S = 3.0
"""A process whose cause is still there has ended twice by then."""


class Repairer:
    """Repairs one server; `out` is told what was kept aside."""

    def __init__(self, server: Server, out: Output, rebuild: Rebuild) -> None:
        self._server = server
        # whoever is at work on an app since it was looked at is not waited for
        settings = msgspec.structs.replace(server.settings, lock_wait_s=_WAIT_S)
        self._hasty = server.with_settings(settings)
        self._out = out
        self._rebuild = rebuild

    def mend(self, finding: Finding) -> None:
        """Do all that a finding asks for, in its order.

        Raises:
            ShipError: one could not be done; what was done of a plan is undone
        """
        try:
            for each in finding.repair:
                self._do(each)
        except ShipError:
            for each in finding.or_else:
                self._do(each)
            raise
        if finding.name == "process.crashes":
            self._server.clock.sleep(_CRASHES_AGAIN_S)

    def _do(self, repair: AnyRepair) -> None:  # noqa: C901, PLR0912, PLR0915 - one case a repair, a line or two each
        match repair:
            case repairs.Steps(app=app, plan=plan):
                with self._changing(AppName(app)) as change:
                    change.apply(plan)
            case repairs.KeepAside(path=path):
                self._keep(Path(path))
            case WriteFile(path=path, text=text, mode=mode):
                files.write_atomically(Path(path), text, mode=mode)
            case Link(path=path, target=target):
                files.link_atomically(Path(path), target)
            case repairs.SetAccess():
                _set_access(repair)
            case repairs.GiveTree(path=path, uid=uid, gid=gid):
                give(Path(path), uid, gid)
            case repairs.Manage(words=words):
                self._server.host.examiner(self._server.settings, ()).manage(words)
            case repairs.CreateAccount(app=app):
                self._server.host.accounts.create(AppName(app))
            case repairs.Install():
                installation.install(self._server)
            case repairs.WriteKeys():
                keys.write_authorized_keys(self._server.layout)
            case repairs.SetUpRepo(app=app):
                repo = self._server.layout.repo(AppName(app))
                git_damage.repaired(repo, HOOKS)
                git.create_repo(repo, hooks=lasting(HOOKS))
            case repairs.Recover(app=app):
                with self._changing(AppName(app)):
                    pass  # a change begins with undoing what is left of another
            case repairs.Unpack(app=app, version=version):
                self._unpack(AppName(app), version)
            case repairs.Rebuild(app=app, venv=venv):
                self._build_again(AppName(app), Path(venv))
            case repairs.ReloadNginx():
                self._server.host.reload_nginx()
            case _:
                assert_never(repair)

    def _keep(self, path: Path) -> None:
        """Copy a file to a folder that only root can read, under its whole path and the time."""
        text = None if path.is_symlink() else files.read_text(path)
        if text is None:
            return
        folder = self._server.layout.state / "kept"
        files.make_folder(folder, mode=0o700)
        name = f"{self._server.clock.stamp()}{str(path).replace('/', '_')}"
        files.write_atomically(folder / name, text, mode=0o600)
        self._out.say(f"What was there is kept: {folder / name}")

    def _changing(self, app: AppName) -> AbstractContextManager[AppChange]:
        return changing(self._hasty, app, _TITLE, frozen_too=True)

    def _unpack(self, app: AppName, version: int) -> None:
        with self._changing(app) as change:
            paths, home = change.paths, change.paths.release(version)
            mounts = in_tree(records.read_mounts(paths))
            builder = building.Builder(
                server=self._server,
                paths=paths,
                release=home,
                out=self._out,
                pip=PipSettings(),
                mounts=mounts,
            )
            if home.source.is_symlink():
                files.remove(home.source)
            builder.unpack(home.slug, over=carried.archive(home))
            home.built.touch(mode=0o600)

    def _build_again(self, app: AppName, venv: Path) -> None:
        """A virtualenv without its mark is torn, and is made anew."""
        files.remove(marks.place(venv))
        if self._rebuild(app) != 0:
            raise ServerError(
                f"{app} could not be built again.",
                detail="The build tells above why.",
                advice="Correct what it names, and push.",
                reason="server/repair-failed",
            )


def _set_access(wanted: repairs.SetAccess) -> None:
    """Change owner and mode of exactly this file or folder, never through a link."""
    path = Path(wanted.path)
    if wanted.folder and not path.exists():
        path.mkdir(mode=0o700)
    kind = os.O_DIRECTORY if wanted.folder else os.O_NONBLOCK
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | kind)
    try:
        if not wanted.folder and not stat.S_ISREG(os.fstat(fd).st_mode):
            return
        os.fchown(fd, wanted.uid, wanted.gid)
        os.fchmod(fd, wanted.mode)
    finally:
        os.close(fd)


def give(tree: Path, uid: int, gid: int) -> None:
    """Give what belongs to others in a tree to one account, without following a link.

    A file with a second name may be known elsewhere by it, so it is left alone.
    """
    _give(tree.lstat(), str(tree), uid, gid, None)
    for folder in trees.below(tree):
        for name in (*folder.folders, *folder.files):
            found = os.stat(name, dir_fd=folder.fd, follow_symlinks=False)
            _give(found, name, uid, gid, folder.fd)


def _give(found: os.stat_result, name: str, uid: int, gid: int, fd: int | None) -> None:
    second = not stat.S_ISDIR(found.st_mode) and found.st_nlink > 1
    if found.st_uid != uid and not second:
        os.chown(name, uid, gid, dir_fd=fd, follow_symlinks=False)

"""Where an app is on the machine: its account, its folder, its repository, its request logs."""

from collections.abc import Iterator, Sequence

from receiver.apps.parts import closing
from receiver.changes import folders
from receiver.changes.app_state import AppState
from receiver.changes.part import Copying, Part
from receiver.hosts.accounts import ids
from receiver.machine import files, git
from receiver.machine.interpreter import lasting
from receiver.model.errors import GitError
from receiver.model.names import AppName
from receiver.model.program import HOOKS
from receiver.model.release import Release
from receiver.server import Server


class Account(Part):
    """The account that the app's processes run as."""

    def make(self, app: AppState) -> None:
        app.server.host.accounts.create(app.name)

    def rename(self, server: Server, was: AppName, name: AppName) -> None:
        server.host.accounts.rename(was, name)

    def remove(self, app: AppState) -> None:
        app.server.host.accounts.remove(app.name)


class Home(Part):
    """The app's folder. Root owns it; the app's account owns storage and cache alone."""

    settings_of_one_app = ("created_at",)

    def make(self, app: AppState) -> None:
        paths, owner = app.paths, app.server.host.accounts.owner(app.name)
        uid, gid = ids(owner)
        paths.home.parent.mkdir(parents=True, exist_ok=True)
        folders.make(app.server, paths)
        files.make_folder(paths.storage, mode=0o700, uid=uid, gid=gid)
        if owner is not None:
            files.give_tree(paths.storage, uid=uid, gid=gid)

    def renew(self, apps: Sequence[AppState], *, dry_run: bool) -> Iterator[str]:
        for app in apps:
            if not app.paths.down.is_dir():
                if not dry_run:
                    folders.make_down(app.server, app.paths)
                yield f"make the folder {app.paths.down}"
            if closing.close(app, dry_run=dry_run):
                yield f"close the files of {app.name} to other accounts"

    def rename(self, server: Server, was: AppName, name: AppName) -> None:
        old, new = server.layout.app(was), server.layout.app(name)
        files.remove_tree(old.run)  # sockets and ready files, made again by what starts
        files.move(old.home, new.home)

    def remove(self, app: AppState) -> None:
        files.remove_tree(app.paths.run)  # the folder itself goes last, by who removes the app


class Repository(Part):
    """The bare repository that is pushed to."""

    def make(self, app: AppState) -> None:
        git.create_repo(app.server.layout.repo(app.name), hooks=lasting(HOOKS))

    def rename(self, server: Server, was: AppName, name: AppName) -> None:
        old, new = server.layout.repo(was), server.layout.repo(name)
        files.move(old, new)
        files.move(git.put_aside(old), git.put_aside(new))

    def copy(self, copying: Copying) -> None:
        """All branches; the one that is deployed ends with the commit that is live, also after a
        rollback.
        """
        layout, old = copying.original.server.layout, copying.original.name
        repo = layout.repo(copying.paths.name)
        git.copy_branches(layout.repo(old), repo)
        release = copying.original.release
        if release is None:
            copying.out.say(f"{old} has no release yet, so there is nothing to put live.")
            return
        self._end_with(release, copying)
        copying.out.say(f"Code: commit {release.commit[:7]}, which is {release.label} of {old}.")

    def _end_with(self, release: Release, copying: Copying) -> None:
        old = copying.original.name
        repo = copying.original.server.layout.repo(copying.paths.name)
        ref = git.BRANCHES + git.head_branch(repo)
        now = git.resolve_commit(repo, ref) or git.ABSENT
        why_not = git.move_refs(repo, [(ref, now, release.commit)]) if now != release.commit else ""
        if why_not:
            raise GitError(
                f"The commit of {release.label} of {old} is not in its repository any more.",
                detail=why_not,
                advice=f"Push to {old} once more, then clone it.",
            )

    def remove(self, app: AppState) -> None:
        repo = app.server.layout.repo(app.name)
        files.remove_tree(repo)
        files.remove_tree(git.put_aside(repo))


class RequestLogFiles(Part):
    """What nginx writes of the app's requests, where that is in no folder of the app's."""

    def rename(self, server: Server, was: AppName, name: AppName) -> None:
        server.host.request_logs.rename(was, name)

    def remove(self, app: AppState) -> None:
        app.server.host.request_logs.remove(app.name)

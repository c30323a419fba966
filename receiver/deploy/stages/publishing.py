"""Publishes static files: copies the folders that nginx serves to where it may read them.

The copy is made by the app's own account, since root follows no link that an app can make.
"""

from receiver.changes.app_state import AppState
from receiver.hosts.accounts import ids
from receiver.hosts.jobs import Job
from receiver.machine import files
from receiver.model.errors import BuildError
from receiver.model.layout import ReleasePaths
from receiver.model.mounts import in_tree
from receiver.model.release import Release

PUBLIC_MODE = 0o2750
"""What is made in it is nginx's to read, and nobody else's."""
_NO_FOLDER = 66
"""Exit status of the copy below when there is nothing to copy from."""
_COPY_PUBLIC = r"""
cd -- "$1" 2>/dev/null || exit 66
mkdir -p -- "$2" || exit
to=$2
shift 2
find -L . -mindepth 1 \
  \( -name '.*' ! -name .well-known -o -path ./Procfile -o -path ./ship.toml "$@" \) -prune \
  -o -type f -print0 | tar -c -h --null -T - | tar -x -C "$to" \
  && find "$to" -mindepth 1 -type f -exec chmod 640 {} +
"""
"""Copies what visitors may see: no dot files, no files of ship's; links become the files they
lead to."""


def publish(app: AppState, release: Release) -> None:
    """Copy the static folders of a release; a folder that is not there is refused.

    Where the app's storage appears in the tree, it is nobody's to see but where it is named.

    Raises:
        BuildError: the built app has no such folder, or it could not be copied
    """
    home = app.paths.release(release.version)
    accounts = app.server.host.accounts
    uid, _ = ids(accounts.owner(app.name))
    files.make_folder(home.public, mode=PUBLIC_MODE, uid=uid, gid=accounts.nginx_gid)
    for folder in sorted(set(release.static.values())):
        _copy_folder(app, home, folder)


def _within(folder: str, path: str) -> str:
    """A path of the tree as it is called below one of its folders; one that is not there is
    never met.
    """
    top = "" if folder in {"", "."} else f"{folder.strip('/')}/"
    return f"./{path.removeprefix(top)}" if path.startswith(top) else "./."


def _copy_folder(app: AppState, home: ReleasePaths, folder: str) -> None:
    mounts = in_tree(app.settings.mounts)
    private = [word for path in mounts for word in ("-o", "-path", _within(folder, path))]
    source = home.source if folder in {"", "."} else home.source / folder
    target = home.public if folder in {"", "."} else home.public / folder
    job = Job(
        app=app.name,
        argv=("/bin/sh", "-c", _COPY_PUBLIC, "sh", str(source), str(target), *private),
        cwd=home.source,
        writable=(home.public,),
        limit_s=float(app.server.settings.build_limit_s),
        name="publish",
    )
    said = bytearray()
    status = app.server.host.jobs.run(job, said.extend)
    if status == _NO_FOLDER:
        raise BuildError(
            f"There is no folder {folder} to serve static files from.",
            detail="It is named under [static] in ship.toml, and the built app has none.",
            advice="Check its spelling there, and that it was committed: git keeps no empty "
            "folders.",
            reason="build/static-folder",
        )
    if status:
        raise BuildError(
            f"The static folder {folder} could not be published.",
            detail=said.decode(errors="replace").strip(),
            advice="Check that its files can be read, and that the server has space left.",
            reason="build/static-folder",
        )

"""What the commands of an app have in common, whoever runs them: how they are started, their
variables, their run folder.
"""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from receiver.changes.app_state import AppState
from receiver.hosts.accounts import ids
from receiver.machine import files
from receiver.model.layout import AppPaths
from receiver.model.program import RUNTIME

SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin"


def plain_variables(paths: AppPaths, hosts: Sequence[str]) -> Mapping[str, str]:
    """Variables of any command that no launcher is in between of, besides its config vars;
    `hosts` are the app's names for visitors, its own first.
    """
    return {
        "LANG": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",
        "SHIP_APP": paths.name,
        "SHIP_HOST": hosts[0],
        "SHIP_HOSTS": ",".join(hosts),
        "SHIP_STORAGE": str(paths.storage),
    }


def release_variables(
    paths: AppPaths, hosts: Sequence[str], venv: Path | str | None, tree: Path
) -> Mapping[str, str]:
    """Those of a command that runs as a release does: the programs of its virtualenv come first,
    and what is linked there is found in its `tree`, as its modules are.
    """
    places = {"SHIP_TREE": str(tree), "PYTHONPATH": str(tree)}
    plain = {**plain_variables(paths, hosts), **places}
    if venv is None:
        return {**plain, "PATH": SYSTEM_PATH}
    return {**plain, "PATH": f"{venv}/bin:{SYSTEM_PATH}", "VIRTUAL_ENV": str(venv)}


def launch_argv(release_home: Path, process: str, *arguments: str) -> tuple[str, ...]:
    """Command line that starts a process type of a release, with its own config vars."""
    launcher = str(RUNTIME / "launch.py")
    return (sys.executable, "-I", "-S", launcher, str(release_home), process, *arguments)


def launch_variables(paths: AppPaths, run: Path) -> Mapping[str, str]:
    """What the launcher is given; it adds the rest, and the config vars."""
    return {"HOME": str(run), "LANG": "C.UTF-8", "SHIP_APP": paths.name}


def make_run_folder(app: AppState, run: Path) -> None:
    """A fresh folder for sockets and ready files, which only the app's account may enter."""
    files.remove_tree(run)
    owner = app.server.host.accounts.owner(app.name)
    run.parent.mkdir(parents=True, exist_ok=True)
    uid, gid = ids(owner)
    files.make_folder(run, mode=0o700, uid=uid, gid=gid)

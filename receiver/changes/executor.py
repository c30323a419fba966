"""Does a step of a plan, and knows its opposite; `change` says what follows what.

What is more than a file is the engine's to do.
"""

import os
from collections.abc import Callable
from pathlib import Path

from receiver.machine import files
from receiver.model.plan import AnyStep, Link, Plan, RemoveFile, RemoveTree, WriteFile
from receiver.server import Server


class Executor:
    """Turns steps into changes of one server."""

    def __init__(
        self,
        server: Server,
        say: Callable[[str], object] = len,
        warn: Callable[[str], object] = len,
    ) -> None:
        self._server = server
        self._say = say
        self._warn = warn

    def opposite(self, step: AnyStep) -> Plan:
        """The steps that bring back what is there now, looked up before `step` changes it."""
        match step:
            case WriteFile(path=path) | RemoveFile(path=path) | Link(path=path):
                return (_as_it_is(Path(path)),)
            case RemoveTree():
                return ()
            case _:
                return self._server.engine.steps(self._say, self._warn).opposite(step)

    def do(self, step: AnyStep) -> None:
        """Do one step.

        Raises:
            ShipError: it could not be done
        """
        match step:
            case WriteFile(path=path, text=text, mode=mode, gid=gid):
                files.write_atomically(Path(path), text, mode=mode, gid=gid)
            case RemoveFile(path=path):
                files.remove(Path(path))
            case RemoveTree(path=path):
                files.remove_tree(Path(path))
            case Link(path=path, target=target):
                files.link_atomically(Path(path), target)
            case _:
                self._server.engine.steps(self._say, self._warn).do(step)


def _as_it_is(path: Path) -> AnyStep:
    if path.is_symlink():
        return Link(str(path), str(path.readlink()))
    text = files.read_text(path)
    if text is None:
        return RemoveFile(str(path))
    found = path.stat()
    gid = found.st_gid if found.st_gid != os.getegid() else -1
    return WriteFile(str(path), text, found.st_mode & 0o7777, gid)

"""Deploys or checks a tree and kills itself, as a power cut would, when it reaches a given point.

Usage: kill_driver.py deploy|check ROOT APP ARCHIVE POINT; the points passed are written to stdout,
a line each.
"""

import os
import signal
import sys
from pathlib import Path

from receiver.changes.points import EVENT
from receiver.deploy.checking import check
from receiver.deploy.releasing import deploy
from receiver.deploy.stages.requests import Push
from receiver.model.names import AppName
from receiver.model.output import Output
from receiver.server import open_server


def main(deed: str, root: str, app: str, archive: str, point: str) -> None:
    passed: dict[str, int] = {}

    def reached(name: str) -> None:
        passed[name] = passed.get(name, 0) + 1
        label = f"{name} {passed[name]}" if passed[name] > 1 else name
        os.write(1, f"{label}\n".encode())
        if label == point:
            os.kill(os.getpid(), signal.SIGKILL)

    paths = open_server(Path(root)).layout.app(AppName(app))
    mine = Path(archive).rename(paths.incoming / f"{os.getpid()}.tar")
    push = Push(app=AppName(app), archive=mine, commit="c" * 40, by="test", number=1)
    sys.addaudithook(lambda event, told: reached(*told) if event == EVENT else None)
    story = check if deed == "check" else deploy
    story(open_server(Path(root)), push, Output(sys.stderr.buffer.write))
    mine.unlink(missing_ok=True)


main(*sys.argv[1:])

"""What gunicorn runs for pushes over HTTP: the application of an embedded server, or of this VPS."""

import os
import sys
from functools import partial
from pathlib import Path

from receiver import keys, records
from receiver.apps import HOOKS
from receiver.http.application import Application, Config, create_app
from receiver.model.layout import Layout
from receiver.model.names import AppName
from receiver.push_hooks import Push

_MIB = 1024 * 1024


def application() -> Application:
    """The WSGI application; SHIP_ROOT names an embedded server, without it this is a VPS."""
    named = os.environ.get("SHIP_ROOT")
    root = Path(named) if named else None
    layout = Layout.embedded(root) if root else Layout.vps()

    def push(app: AppName, key: str) -> Push:
        # read at each push: settings may change while the receiver runs
        limit = records.read_server(layout).max_push_mb * _MIB
        return Push(layout.repo(app), HOOKS, _environment(root, app, key), limit)

    return create_app(Config(layout, partial(keys.authenticate, layout), push))


def _environment(root: Path | None, app: AppName, key: str) -> dict[str, str]:
    told = {
        "SHIP_APP": app,
        "SHIP_KEY": key,
        "SHIP_DEPLOY": str(Path(sys.executable).with_name("ship-deploy")),
    }
    if root is None:
        return {**told, "SHIP_SUDO": "1"}
    # not the receiver's own HOME, by which a server finds what an earlier one left behind
    return {**told, "HOME": os.environ.get("SHIP_HOME", str(root)), "SHIP_ROOT": str(root)}

"""What gunicorn runs for pushes over HTTP: the application of an embedded server, or of this
VPS.
"""

import os
import sys
import threading
import time
from contextlib import suppress
from functools import partial
from pathlib import Path

from receiver.access import keys
from receiver.model.errors import ShipError
from receiver.model.layout import Layout
from receiver.model.names import AppName
from receiver.model.program import HOOKS
from receiver.nginx import request_logs
from receiver.push import refusals
from receiver.push.hooks import Push
from receiver.push.http.application import Application, Config, create_app
from receiver.state import records

_MIB = 1024 * 1024
_LOOK_EVERY_S = 60


def application() -> Application:
    """The WSGI application; SHIP_ROOT names an embedded server, without it this is a VPS."""
    named = os.environ.get("SHIP_ROOT")
    root = Path(named) if named else None
    layout = Layout.embedded(root) if root else Layout.vps()

    def push(app: AppName, key: str, address: str) -> Push:
        # read at each push: settings may change while the receiver runs
        limit = records.read_server(layout).max_push_mb * _MIB
        environment = {**_environment(root, app, key), "SSH_CLIENT": address}
        return Push(layout.repo(app), HOOKS, environment, limit)

    def refused(app: AppName, key: str, service: str, address: str) -> None:
        environment = {**os.environ, "SSH_CLIENT": address}
        refusals.record(key, app, service, environment, sudo=root is None)

    if root is not None:  # on a VPS a timer does it; here this process is there at all times
        threading.Thread(target=_keep_logs_small, args=(layout,), daemon=True).start()
    return create_app(Config(layout, partial(keys.authenticate, layout), push, refused))


def _keep_logs_small(layout: Layout) -> None:
    while True:
        # a full disk, settings that cannot be read: later, perhaps
        with suppress(OSError, ShipError):
            request_logs.rotate(layout, records.read_server(layout))
        time.sleep(_LOOK_EVERY_S)


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

"""What gunicorn runs for pushes over HTTP: the application of an embedded server, or of this
VPS.
"""

import os
import threading
import time
from contextlib import suppress
from pathlib import Path

import msgspec

from receiver.access import keys
from receiver.machine.clock import SYSTEM_CLOCK
from receiver.model.errors import ShipError
from receiver.model.layout import Layout
from receiver.nginx import request_logs
from receiver.push.http.application import Application, Config, create_app
from receiver.push.limits import Limits
from receiver.state import records

_LOOK_EVERY_S = 60


def application() -> Application:
    """The WSGI application; SHIP_ROOT names an embedded server, without it this is a VPS."""
    named = os.environ.get("SHIP_ROOT")
    root = Path(named) if named else None
    layout = Layout.at(root)

    def limits() -> Limits:
        # read at each push: settings may change while the receiver runs
        return Limits.of(msgspec.structs.asdict(records.read_server(layout)))

    if root is not None:  # on a VPS a timer does it; here this process is there at all times
        threading.Thread(target=_keep_logs_small, args=(root,), daemon=True).start()

    def authenticate(token: str) -> str | None:
        return keys.authenticate(layout, token, SYSTEM_CLOCK.stamp())

    return create_app(Config(layout, authenticate, _environment(root), limits))


def _keep_logs_small(root: Path) -> None:
    from receiver.server import open_server  # noqa: PLC0415 - a push over HTTP needs none

    while True:
        # a full disk, settings that cannot be read: later, perhaps
        with suppress(OSError, ShipError):
            server = open_server(root)
            request_logs.rotate(server.layout, server.settings, server.host.request_logs)
        time.sleep(_LOOK_EVERY_S)


def _environment(root: Path | None) -> dict[str, str]:
    """For the programs that a call starts."""
    if root is None:
        return {**os.environ}
    # not the receiver's own HOME, by which a server finds what an earlier one left behind
    return {**os.environ, "HOME": os.environ.get("SHIP_HOME", str(root))}

"""The stories of an app itself: create and destroy, by going through its parts."""

from collections.abc import Callable
from functools import partial

from msgspec.structs import replace

from receiver.access import grants as access
from receiver.apps import ports as app_ports
from receiver.apps.domains import refuse_taken_name
from receiver.apps.parts import PARTS
from receiver.certificates import asking
from receiver.changes.app_state import AppState, new_app
from receiver.changes.change import changing, or_undone, removing, repeat
from receiver.changes.part import Do
from receiver.machine import files
from receiver.model.errors import ExistsError
from receiver.model.names import AppName
from receiver.model.settings import App
from receiver.server import Server
from receiver.state import records

_PORTS_OF_AN_APP = 3


def create(server: Server, name: AppName, *, like: App | None = None) -> str:
    """Make an app, perhaps with the settings of another; returns its URL.

    Raises:
        ShipError: the name is taken, or no port is free; nothing is left of the attempt
    """
    paths = server.layout.app(name)
    kept = paths.storage.exists()  # an uninstall leaves it, for an app of the same name
    with access.changing(server.layout):
        if paths.settings.exists():
            raise ExistsError(
                f"There is an app {name} already.",
                advice="Choose another name, or push to the one that is there.",
                reason="exists/app",
            )
        refuse_taken_name(server, name)
        app = new_app(server, paths, _settings(server, like))
        with or_undone(lambda: _take_away(app, keep_storage=kept)):
            _make(app)
    with (
        or_undone(lambda: destroy(server, name, keep_storage=kept)),
        changing(server, name, f"creation of {name}") as change,
    ):
        start(change.state, change.apply)
    asking.ask_for(server, name)
    return server.url(name)


def destroy(
    server: Server,
    name: AppName,
    *,
    keep_storage: bool = False,
    frozen_too: bool = False,
    warn: Callable[[str], object] = len,
) -> None:
    """Remove an app and all it has: processes, site, releases, config vars, storage, repository.

    `warn` is told of a process that does not end.
    """
    with removing(server, name, f"destruction of {name}", frozen_too=frozen_too) as app:
        stop(app, partial(repeat, server, warn=warn))
        _take_away(app, keep_storage=keep_storage)
    asking.wake(server)  # its certificates go as well


def stop(app: AppState, do: Do) -> None:
    """Have nothing of an app run, and the machine know nothing of it."""
    for part in PARTS:
        part.stop(app, do)
    for part in PARTS:
        part.withdraw(app, do)


def start(app: AppState, do: Do, *, booting: bool = False) -> None:
    """Have the machine know an app, and all of it run that should."""
    for part in PARTS:
        part.start(app, do, booting=booting)


def _make(app: AppState) -> None:
    """All that has to be there; app.toml comes last, because with it there is an app."""
    for part in PARTS:
        part.make(app)
    records.write_toml(app.paths.settings, app.settings)


def _take_away(app: AppState, *, keep_storage: bool) -> None:
    """All that is left of a stopped app; app.toml goes last, because as long as it is there,
    destroying can be repeated.
    """
    for part in PARTS:
        part.remove(app)
    if keep_storage:
        files.keep_only(app.paths.home, app.paths.storage)
    else:
        files.remove_tree(app.paths.home)


def _settings(server: Server, like: App | None) -> App:
    """Settings for a new app: those of another, but for what no two apps can have."""
    limits = server.settings
    port, port_a, port_b = app_ports.free_ports(
        server.layout, limits.first_port, limits.last_port, _PORTS_OF_AN_APP
    )
    fresh = App(port=port, port_a=port_a, port_b=port_b, created_at=server.clock.stamp())
    if like is None:
        return fresh
    own = {name: getattr(fresh, name) for part in PARTS for name in part.settings_of_one_app}
    return replace(like, **own)

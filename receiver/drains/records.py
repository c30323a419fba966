"""The drains of apps: their records, and that what is on record runs."""

from msgspec.structs import replace

from receiver.hosts.drains import Drains
from receiver.machine import files
from receiver.model.drain import Drain, DrainState
from receiver.model.errors import NotFoundError, ServerError
from receiver.model.layout import AppPaths
from receiver.model.names import AppName
from receiver.server import Server
from receiver.state import records


def end_all(server: Server, app: AppName) -> None:
    """Stop the drains of an app, which is destroyed or takes another name; their records stay,
    and know where they were.
    """
    kept, paths = server.host.drains, server.layout.app(app)
    for drain in read(paths):
        kept.stop(app, drain.name)
        cursor = read_state(kept, app, drain.name).cursor
        if cursor:
            write(paths, replace(drain, cursor=cursor))
        kept.forget(app, drain.name)


def start_all(server: Server, app: AppName) -> None:
    """Start the drains of an app, which had another name before."""
    for drain in read(server.layout.app(app)):
        server.host.drains.start(app, drain.name)


def renew_all(server: Server, app: AppName) -> list[str]:
    """Start those drains of an app anew that an older ship started; their names."""
    kept, there = server.host.drains, read(server.layout.app(app))
    older = [drain.name for drain in there if not kept.is_current(app, drain.name)]
    for name in older:
        kept.start(app, name)
    return older


def read(paths: AppPaths) -> list[Drain]:
    """The drains of an app, by name."""
    found = (records.read_json(path, Drain) for path in sorted(paths.drains.glob("*.json")))
    return [drain for drain in found if drain is not None]


def write(paths: AppPaths, drain: Drain) -> None:
    """Keep a drain on record."""
    files.make_folder(paths.drains, mode=0o700)
    records.write_json(paths.drains / f"{drain.name}.json", drain, mode=0o600)


def find(paths: AppPaths, word: str) -> Drain:
    """The drain with this name or address."""
    for drain in read(paths):
        if word in {drain.name, drain.url}:
            return drain
    raise NotFoundError(
        f"{paths.name} has no such drain.",
        advice=f"See its drains: `ship drains --app {paths.name}`.",
        reason="not-found/drain",
    )


def read_state(kept: Drains, app: AppName, name: str) -> DrainState:
    """How a drain goes, by its own account: the process behind it writes there what it likes."""
    try:
        return records.read_json(kept.state(app, name), DrainState) or DrainState()
    except (ServerError, OSError, UnicodeError):
        return DrainState()

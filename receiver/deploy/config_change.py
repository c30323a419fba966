"""Changes of config vars that make no release: needless ones, and those that are only stored."""

from receiver.changes.change import changing
from receiver.deploy.stages.config import change_config, stored
from receiver.deploy.stages.requests import ConfigChange
from receiver.model.layout import AppPaths
from receiver.model.output import Output
from receiver.server import Server
from receiver.state import records


def is_needless(paths: AppPaths, change: ConfigChange) -> bool:
    """Whether all is as the change would have it, stored and running alike."""
    stored = records.read_config(paths.config)
    if change.applied(stored) != stored:
        return False
    live = records.read_live(paths)
    if live is None:
        return True
    return not change.makes_release(stored, records.read_config(paths.release(live.release).env))


def store(server: Server, change: ConfigChange, out: Output) -> None:
    """Change what is stored, and leave the app with what it runs with: the next release takes it
    along.
    """
    with changing(server, change.app, change.about.title, out) as under_way:
        change_config(under_way, change.applied(stored(under_way.state)))

"""Read-only questions about this machine, put together for the planners."""

import posixpath
from collections.abc import Iterator, Mapping
from datetime import date
from functools import partial
from pathlib import Path

import msgspec
from msgspec.structs import replace

from receiver.building import interpreters, pip_settings, pythons
from receiver.building.constraint_files import in_tree, on_disk, texts
from receiver.building.pip_settings import PipSettings, Seen
from receiver.model.build import BuildFacts, Interpreter, Tree
from receiver.model.names import AppName
from receiver.model.release import Release
from receiver.server import Server
from receiver.state import records

_FILES_OF_UV = ("UV_CONSTRAINT", "UV_BUILD_CONSTRAINT", "UV_OVERRIDE")


class _Known(msgspec.Struct, frozen=True):
    """Interpreters that were asked before, and the programs that were there then."""

    programs: dict[str, int]
    found: tuple[Interpreter, ...]


def build_facts(
    server: Server,
    config: Mapping[str, str],
    commit: str,
    live: Release | None,
    pip: Mapping[str, str],
    packages: str = "",
) -> BuildFacts:
    """What a buildpack may know besides the tree."""
    return BuildFacts(
        interpreters=interpreters_of(server),
        config=config,
        commit=commit,
        today=date.fromisoformat(server.clock.stamp()[:10]),
        fetchable=pythons.fetchable(server.layout, server.settings),
        python_before=(live.python if live else None) or "",
        pip=pip,
        packages=packages,
    )


def index_settings(
    server: Server,
    config: Mapping[str, str],
    app: AppName | None = None,
    tree: Tree | None = None,
) -> PipSettings:
    """This machine's pip settings, and the app's config vars over them.

    Without an app, they are for ship itself; without a tree, nothing is known of what is below it.
    """

    def see(path: Path) -> Seen:
        if not path.is_absolute():
            name = posixpath.normpath(str(path))
            return "there" if tree is None or tree.has(name) or tree.has_folder(name) else "missing"
        seen = pip_settings.on_this_machine(path)
        reads = app is None or seen != "there" or server.host.accounts.can_read(app, path)
        return seen if reads else "unreadable"

    files = pip_settings.standard_files(_home(server))
    found = pip_settings.uv_settings(config, files, see)
    if app is None or tree is None:
        return found

    def read(path: str) -> str | None:
        if path.startswith("/"):
            return on_disk(Path(path), partial(server.host.accounts.can_read, app))
        return in_tree(tree, path)

    return replace(found, texts=texts(_named(found, config), read))


def _named(found: PipSettings, config: Mapping[str, str]) -> Iterator[str]:
    """Files of constraints, also those of uv's own config vars."""
    values = [found.options.get(option, "") for option in pip_settings.CONSTRAINTS]
    values += [config.get(name, "") for name in _FILES_OF_UV]
    for place in " ".join(values).split():
        if path := pip_settings.local_path(place):
            yield str(path)


def interpreters_of(server: Server) -> tuple[Interpreter, ...]:
    """The Pythons of this machine; asked again only when one came, went or was replaced.

    Asking each costs a start of Python, more than all else that an unchanged app's build does.
    """
    places = interpreters.folders(server.layout.pythons, _home(server))
    programs = {
        str(path): path.stat().st_mtime_ns
        for place in places
        for path in place.glob("python3.*")
        if path.exists()  # not a link that leads nowhere
    }
    record = server.layout.state / "interpreters.json"
    known = records.read_json(record, _Known)
    if known is not None and known.programs == programs:
        return known.found
    found = interpreters.find(places)
    records.write_json(record, _Known(programs, found))
    return found


def _home(server: Server) -> Path | None:
    """The folder of the user whom everything belongs to; None where apps have accounts of their
    own.
    """
    return None if server.host.accounts.separate else Path.home()

"""Read-only questions about this machine, put together for the planners."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path

import msgspec

from receiver.building import interpreters, pip_settings, pythons
from receiver.building.pip_settings import PipSettings
from receiver.model.build import BuildFacts, Interpreter
from receiver.model.release import Release
from receiver.server import Server
from receiver.state import records


class _Known(msgspec.Struct, frozen=True):
    """Interpreters that were asked before, and the programs that were there then."""

    programs: dict[str, int]
    found: tuple[Interpreter, ...]


def build_facts(
    server: Server, config: Mapping[str, str], commit: str, live: Release | None
) -> BuildFacts:
    """What a buildpack may know besides the tree."""
    return BuildFacts(
        interpreters=_interpreters(server),
        config=config,
        commit=commit,
        today=date.fromisoformat(server.clock.stamp()[:10]),
        fetchable=pythons.fetchable(server.layout, server.settings),
        python_before=(live.python if live else None) or "",
    )


def index_settings(server: Server, config: Mapping[str, str]) -> PipSettings:
    """Where packages come from: this machine's pip settings, and the app's config vars over
    them.
    """
    return pip_settings.uv_settings(config, pip_settings.standard_files(_home(server)))


def _interpreters(server: Server) -> tuple[Interpreter, ...]:
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

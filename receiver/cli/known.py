"""What checkout and server know of names, for whoever is typing one: quickly, silently, or not
at all.
"""

import hashlib
import json
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from receiver.cli import forward
from receiver.cli.checkout import Destination
from receiver.cli.command import Call
from receiver.model.errors import ShipError

_LIMIT_S = 2
_KEPT_S = 15
_KEPT_AFTER_SILENCE_S = 60
_QUIET_SSH = (
    "-oBatchMode=yes", f"-oConnectTimeout={_LIMIT_S}", "-oControlMaster=no",
)  # fmt: skip
"""Asks nothing, waits for nobody, and leaves nothing behind."""


class Known:
    """Names of what there is, as far as it can be said at once."""

    def __init__(self, call: Call) -> None:
        self._call = call

    def apps(self) -> Iterable[str]:
        """Those that the checkout leads to, and those of the server."""
        yield from (remote.app for remote in self._call.checkout.ship_remotes())
        yield from self._asked("name", "apps")

    def remotes(self) -> Iterable[str]:
        """The git remotes that lead to apps."""
        return [remote.name for remote in self._call.checkout.ship_remotes()]

    def types(self) -> Iterable[str]:
        """Process types: of the Procfile, where the app is the checkout's own; else of what
        runs.
        """
        return self._declared_types() or self._of_app("type", "ps")

    def limits(self) -> Iterable[str]:
        """Limits by process type, to be set."""
        from receiver.model.process_limits import NAMES

        return [f"{process}.{name}=" for process in self.types() for name in NAMES]

    def releases(self) -> Iterable[str]:
        """Those that are kept, newest first."""
        return [f"v{number}" for number in self._of_app("version", "releases")]

    def builds(self) -> Iterable[str]:
        """Those that are kept, newest first."""
        return self._of_app("number", "builds")

    def runs(self) -> Iterable[str]:
        """Those that are on record."""
        return self._of_app("name", "run:list")

    def config_names(self) -> Iterable[str]:
        """Config vars, without their values."""
        return self._of_app("name", "config:keys")

    def jobs(self) -> Iterable[str]:
        """Cron jobs."""
        return self._of_app("name", "cron")

    def keys(self) -> Iterable[str]:
        """Names of keys."""
        return self._asked("name", "keys")

    def buildpacks(self) -> Iterable[str]:
        """Ship's own."""
        from receiver.model.classic import BUILT_IN

        return BUILT_IN

    def check_names(self) -> Iterable[str]:
        """What can be set of a check."""
        from receiver.model.check import NAMES

        return NAMES

    def check_settings(self) -> Iterable[str]:
        """What can be set of a check, to be followed by a value."""
        return [f"{name}=" for name in self.check_names()]

    def nginx_names(self) -> Iterable[str]:
        """What can be set of an app's routing."""
        from receiver.model.routing import NAMES

        return NAMES

    def nginx_settings(self) -> Iterable[str]:
        """The same, to be followed by a value, or by the name of an entry."""
        from receiver.model.routing import TABLES

        return [f"{name}." if name in TABLES else f"{name}=" for name in self.nginx_names()]

    def server_names(self) -> Iterable[str]:
        """Settings of the server, as the code has them."""
        from receiver.model.settings import Server

        return Server.__struct_fields__

    def server_settings(self) -> Iterable[str]:
        """The same, as they are set."""
        return (f"{name}=" for name in self.server_names())

    def _declared_types(self) -> list[str]:
        from receiver.model.procfile import parse_procfile

        file, only = Path("Procfile"), self._call.checkout.only_remote()
        if not file.is_file() or only is None or only.app != self._call.app:
            return []
        return [name for name in parse_procfile(file.read_bytes()) if name != "release"]

    def _of_app(self, field: str, command: str) -> list[str]:
        return self._asked(field, command, "--app", self._call.app)

    def _asked(self, field: str, *words: str) -> list[str]:
        """A field of all that a command of the server lists."""
        if self._call.key is not None:
            return []  # what a key may see is the command's to say
        argv = self._argv((*words, "--json"))
        if not isinstance(self._call.place, Destination):
            return _fields(self._read(argv), field)
        return self._kept(argv, field)

    def _argv(self, words: Sequence[str]) -> list[str]:
        place, environment = self._call.place, self._call.environment
        if isinstance(place, Destination):
            ssh, *rest = forward.ssh_argv(place, words, terminal=False)
            return [ssh, *_QUIET_SSH, *rest]
        sudo = () if place.root or environment.is_root else ("sudo", "-n", "--")
        return [*sudo, str(environment.program / "ship"), *words]

    def _read(self, argv: Sequence[str]) -> bytes:
        from receiver.machine import shell

        return shell.capture(argv, env=self._call.environment.variables, limit_s=_LIMIT_S)

    def _kept(self, argv: Sequence[str], field: str) -> list[str]:
        """What a server far away said a moment ago, or says now; one that is silent is left
        alone for a while.
        """
        file = self._cache_file(argv)
        now, (until, before) = time.time(), _read_kept(file)
        if now < until <= now + _KEPT_AFTER_SILENCE_S:
            return before
        try:
            found, until = _fields(self._read(argv), field), now + _KEPT_S
        except ShipError:
            found, until = before, now + _KEPT_AFTER_SILENCE_S
        _write_kept(file, until, found)
        return found

    def _cache_file(self, argv: Sequence[str]) -> Path:
        environment = self._call.environment
        caches = environment.variables.get("XDG_CACHE_HOME") or environment.home / ".cache"
        digest = hashlib.sha256("\0".join(argv).encode()).hexdigest()[:32]
        return Path(caches) / "ship" / "names" / f"{digest}.json"


def _fields(said: bytes, field: str) -> list[str]:
    found = json.loads(said)
    rows: list[Any] = found["types"] if isinstance(found, dict) else found
    return [str(row[field] if isinstance(row, dict) else row) for row in rows]


def _read_kept(file: Path) -> tuple[float, list[str]]:
    try:
        kept = json.loads(file.read_bytes())
        return float(kept["until"]), [str(name) for name in kept["names"]]
    except (OSError, ValueError, LookupError, TypeError):
        return 0.0, []


def _write_kept(file: Path, until: float, names: Sequence[str]) -> None:
    from receiver.machine import files

    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    files.write_atomically(file, json.dumps({"until": until, "names": list(names)}), mode=0o600)

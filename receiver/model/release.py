"""A release: numbered, never changed; a commit, a virtualenv, config vars and process types."""

from typing import Literal

import msgspec

from receiver.model.check import Check, overlaid
from receiver.model.cron import Cron
from receiver.model.layout import SlotLetter
from receiver.model.routing import Routing
from receiver.model.settings import App, Order, ProcessRule, ReleasePhase
from receiver.model.webserver import Gunicorn, Process

_WORKER_CLASS = "--worker-class="
_WSGI_WORKERS = frozenset({"sync", "gthread", "gevent"})
Served = Literal["process", "files", "nothing"]


class Release(msgspec.Struct, frozen=True, kw_only=True):
    """What release.json holds.

    Config vars lie beside it in env.json, readable by the app's account.
    """

    version: int
    app: str
    commit: str
    description: str
    """What made it: `Deploy 1a2b3c4`, `Set GREETING config var`, `Rollback to v3`."""
    by: str
    """Name of the key that asked, or `root`."""
    created_at: str
    """UTC, ISO 8601, to the second."""
    buildpack: str
    python: str | None
    """Version of the interpreter, such as `3.11.2`."""
    venv: str | None
    """Absolute path of the virtualenv; shared by releases of equal digest."""
    opened: bool = False
    """Whether its release phase may install into the virtualenv, which is of this commit alone."""
    lines: dict[str, str] = {}
    """Command lines by process type, as the Procfile or the buildpack gave them."""
    processes: dict[str, Process]
    """The same, as they are run."""
    web: bool = True
    """Whether there is to be a web process, as the ship.toml of its tree said."""
    rules: dict[str, ProcessRule] = {}
    """How processes besides web are stopped, by type, as ship.toml has it."""
    check: Check = Check()
    phase: ReleasePhase = ReleasePhase()
    """When the `release:` line runs, as the ship.toml of its tree said."""
    order: Order = "start-first"
    """Whether the old processes end before it starts, as the ship.toml of its tree said."""
    code_check: Check | None = None
    """What the pushed code says of it, where `check` is that with the app's own settings above."""
    nginx: Routing = Routing()
    """What the ship.toml of its tree says of its routing."""
    error_pages: tuple[int, ...] = ()
    """Statuses for which nginx has a page of the app's own."""
    cron: dict[str, Cron] = {}
    """Commands that run at set times, by name."""
    static: dict[str, str] = {}
    """URL prefixes that nginx serves from folders below `public/`."""
    static_of_storage: dict[str, str] = {}
    """URL prefixes that nginx serves from folders of the app's storage."""
    address: str = ""
    """The app's host name, which its check is asked by."""
    hosts: tuple[str, ...] = ()
    """All host names of the app; empty in a release of an older Ship."""
    system_packages: tuple[str, ...] = ()
    """Packages of the server's distribution that its code asks for."""
    classic: bool = False
    """Whether buildpacks of others had a part in it: its processes run as they stand."""
    gunicorn_file: bool = False
    """Whether the tree has a gunicorn.conf.py, which may choose any kind of worker."""
    fixed_port: bool = False
    """Whether neither the web line nor the code asks for the port that web is given."""
    workers: int | None = None
    """How many workers web has where nobody said so; None for the usual number."""
    boot_limit_s: int = 60
    """How long gunicorn's master waits for new workers of it: the app's `check_limit_s` of then."""
    postdeploy: str | None = None
    """How a script that followed the swap failed: a sentence; None where none failed."""
    restores: int | None = None
    """The release that a rollback brought back."""
    build: int | None = None
    """Number of the build whose log tells how it came about."""
    attempt: int | None = None
    """Number of the build that made this release itself live, also where its code was built before:
    a change of config vars, a rollback."""

    @property
    def label(self) -> str:
        return f"v{self.version}"

    @property
    def gunicorn(self) -> Gunicorn | None:
        """The web process, where ship runs it with gunicorn: it listens on the held socket."""
        web = self.processes.get("web")
        return web if isinstance(web, Gunicorn) else None

    @property
    def binds_itself(self) -> bool:
        """Whether the web process binds a port of its own, which each slot has."""
        return "web" in self.processes and self.gunicorn is None

    @property
    def checks_itself(self) -> bool:
        """Whether it is sure that new workers ask their own app: they do where it is a WSGI app."""
        web = self.gunicorn
        if web is None or web.config or self.gunicorn_file or self.check.needs_time:
            return False
        kinds = [word.partition("=")[2] for word in web.arguments if word.startswith(_WORKER_CLASS)]
        return not kinds or kinds[-1] in _WSGI_WORKERS

    def checked_by(self, settings: App) -> Check:
        """How it is checked from now on, by what `checks:set` says today."""
        return overlaid(self.code_check or self.check, settings.check)

    @property
    def served(self) -> Served:
        """How the web part is served: by a process, by nginx from files alone, or not at all."""
        if "web" in self.processes:
            return "process"
        return "files" if "/" in self.static else "nothing"


class Live(msgspec.Struct, frozen=True, kw_only=True):
    """What live.json holds: the release that serves, and in which slot. Written last of all."""

    release: int
    slot: SlotLetter


class Build(msgspec.Struct, frozen=True, kw_only=True):
    """What builds/N.json holds: one attempt to make a release, also when it failed."""

    number: int
    app: str
    by: str
    commit: str
    description: str
    started_at: str
    status: Literal["running", "succeeded", "failed", "cancelled"]
    pid: int
    """The process that does it; a record that says `running` of a dead process is an interrupted
    one."""
    finished_at: str | None = None
    release: int | None = None
    reason: str | None = None
    """Stable reason of the failure, as in docs/errors.md."""
    exit_code: int = 0
    config_names: tuple[str, ...] = ()
    """The config vars that were set when it began. Never their values."""
    done: bool = False
    """Of one that makes no release: all was done. It stands, unless its journal is there."""
    push: str = ""
    """What tells the push that asked for it from every other; empty where none did."""
    audit: str = ""
    """The change of the audit that it is; empty where it is none."""

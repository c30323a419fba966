"""Settings of the server (ship.toml) and of an app (app.toml): type, default, limits and
sentence in one place.

docs/configuration.md is checked against these declarations by a test.
"""

from typing import Annotated, Any, Literal, get_args

import msgspec
from msgspec import Meta

from receiver.model import proxies
from receiver.model.check import Check, Seconds, overlaid
from receiver.model.cron import Cron
from receiver.model.layout import SlotLetter
from receiver.model.limits import MAX_PUSH_MB, MAX_TREE_FILES, MAX_TREE_MB, QUIET_LIMIT_S
from receiver.model.maintenance import Maintenance
from receiver.model.names import AppName
from receiver.model.process_limits import Limit
from receiver.model.routing import Routing
from receiver.model.routing import overlaid as routed

Port = Annotated[int, Meta(ge=1, le=65535)]
Count = Annotated[int, Meta(ge=1, le=1_000)]
HTTP_PORT, HTTPS_PORT = 80, 443
"""Those that an address need not name."""
GRACEFUL_S = 30
STOP_MARGIN_S = 5
"""How much later than an app's `graceful_limit_s` its web processes are killed."""
StopSignal = Literal["SIGTERM", "SIGINT", "SIGQUIT", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGKILL"]
"""Those that both process managers can be told to send."""
ALL_TYPES = "*"
OF_NGINX = ("max_body_mb", "read_timeout_s")
"""Routing settings that app.toml may hold above its tables too: it did before `nginx:set` was."""


class Server(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """/etc/ship/ship.toml: what holds for every app of this server."""

    domain: Annotated[
        str, Meta(description="Apps answer at NAME.domain.", pattern=r"^[A-Za-z0-9.-]+$")
    ]
    former_domains: Annotated[
        tuple[Annotated[str, Meta(pattern=r"^[A-Za-z0-9.-]+$")], ...],
        Meta(
            description="Earlier values of `domain`: visitors of NAME.former are sent on to"
            " NAME.domain. `ship server:set domain=…` adds to them."
        ),
    ] = ()
    host: Annotated[
        Literal["systemd", "supervisord"], Meta(description="What manages the processes.")
    ] = "systemd"
    http_port: Annotated[Port, Meta(description="Port on which nginx listens.")] = HTTP_PORT
    https_port: Annotated[
        Annotated[int, Meta(ge=0, le=65535)] | None,
        Meta(description="Port for HTTPS; 0 is none. When not set, 443 if http_port is 80."),
    ] = None
    email: Annotated[
        str, Meta(description="Address that the authority of the certificates may write to.")
    ] = ""
    acme_server: Annotated[
        str,
        Meta(
            description="Directory of the authority that certificates are ordered from, in place"
            " of Let's Encrypt's.",
            pattern=r"^(https://\S+)?$",
        ),
    ] = ""
    certificates: Annotated[
        Literal["auto", "off"],
        Meta(
            description="Whether certificates are ordered without being asked for: `auto`, `off`."
        ),
    ] = "auto"
    dns_hook: Annotated[
        str,
        Meta(
            description="Program that sets records in the DNS, so that one certificate serves all"
            " names below the domain. It runs as root, and only root may be able to write it.",
            pattern=r"^(/[A-Za-z0-9_./+-]+)?$",
        ),
    ] = ""
    first_port: Annotated[Port, Meta(description="First loopback port handed to apps.")] = 20_000
    last_port: Annotated[Port, Meta(description="Last loopback port handed to apps.")] = 29_999
    keep_releases: Annotated[
        Count, Meta(description="Releases kept for rollback; the live one always is.")
    ] = 10
    keep_free_mb: Annotated[
        int, Meta(ge=0, description="Free disk space, in MiB, below which old releases go early.")
    ] = 512
    keep_builds: Annotated[
        Count,
        Meta(description="Builds of which record and output are kept, failed ones too."),
    ] = 50
    max_push_mb: Annotated[
        Count, Meta(description="Size limit, in MiB, of the objects in one push.")
    ] = MAX_PUSH_MB
    max_tree_files: Annotated[
        int,
        Meta(ge=1, le=10_000_000, description="Most files and folders in one pushed commit."),
    ] = MAX_TREE_FILES
    max_tree_mb: Annotated[
        int,
        Meta(
            ge=1,
            le=1_000_000,
            description="Size limit, in MiB, of the files in one pushed commit, unpacked.",
        ),
    ] = MAX_TREE_MB
    quiet_limit_s: Annotated[
        Seconds,
        Meta(description="Seconds for which a client may send nothing in the middle of a push."),
    ] = QUIET_LIMIT_S
    builds_at_once: Annotated[
        Count, Meta(description="Builds of different apps that go on at the same time.")
    ] = 1
    build_memory: Annotated[
        str,
        Meta(
            description="Memory that one build may use: a share of the machine's, or `512M`, `2G`.",
            pattern=r"^([1-9][0-9]?%|100%|[1-9][0-9]*[MG])$",
        ),
    ] = "50%"
    apps_memory: Annotated[
        str,
        Meta(
            description="Memory that all apps together may use: a share of the machine's, or `3G`.",
            pattern=r"^([1-9][0-9]?%|100%|[1-9][0-9]*[MG])$",
        ),
    ] = "90%"
    apps_tasks: Annotated[
        str,
        Meta(
            description="Processes and threads of all apps together: a share of what the kernel"
            " allows, or a number.",
            pattern=r"^([1-9][0-9]?%|100%|[1-9][0-9]*)$",
        ),
    ] = "80%"
    build_limit_s: Annotated[Seconds, Meta(description="Seconds that one build may take.")] = 900
    release_limit_s: Annotated[
        Seconds, Meta(description="Seconds that one release phase may take.")
    ] = 900
    lock_wait_s: Annotated[
        Seconds, Meta(description="Seconds that a push waits for another deploy of its app.")
    ] = 900
    request_log_mb: Annotated[
        Count,
        Meta(
            description="Size, in MiB, at which a log of requests is put aside; four such are kept."
        ),
    ] = 10
    request_log_days: Annotated[
        Count, Meta(description="Days after which logs of requests that were put aside go.")
    ] = 30
    fetch_pythons: Annotated[
        bool,
        Meta(description="Whether a Python that an app asks for is fetched when it is not here."),
    ] = True
    python_mirror: Annotated[
        str, Meta(description="Address that Pythons are fetched from, in place of uv's own.")
    ] = ""
    python_list: Annotated[
        str, Meta(description="File or address of a list of Pythons, in place of uv's own.")
    ] = ""
    create_on_push: Annotated[
        bool,
        Meta(description="Whether a push by an admin's key to an app that is not there makes it."),
    ] = False
    trusted_proxies: Annotated[
        tuple[str, ...],
        Meta(
            description="Proxies before this server that are believed about their visitors:"
            " addresses, networks, or `cloudflare`."
        ),
    ] = ()
    apt: Annotated[
        Literal["listed", "allow"],
        Meta(
            description="Which system packages apps may have installed: those of"
            " `ship packages:add`, or all (`allow`)."
        ),
    ] = "listed"
    buildpacks: Annotated[
        dict[str, str],
        Meta(description="Buildpacks of others that apps may use, by name: git address or folder."),
    ] = msgspec.field(default_factory=dict)

    @property
    def tls_port(self) -> int:
        """Port on which nginx listens for HTTPS; 0 where it does not."""
        if self.https_port is not None:
            return self.https_port
        return HTTPS_PORT if self.http_port == HTTP_PORT else 0

    def __post_init__(self) -> None:
        """Refuse a proxy that cannot be one, while the file that names it is read."""
        proxies.networks(self.trusted_proxies)


Folder = Annotated[str, Meta(pattern=r"^(?![/~])(?!(.*/)?\.\.(/|$))[^\x00-\x1f\x7f]*$")]
"""A folder of a repository, by its path from the top."""


VisitorName = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._@+-]{0,63}\Z")]
"""Whom nginx asks for a password; a line of the file that it reads begins with it."""
Hashed = Annotated[str, Meta(pattern=r"^\$[A-Za-z0-9./$=]+\Z")]


class App(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """apps/NAME/app.toml: what should be, for one app."""

    port: Annotated[
        Port, Meta(description="Loopback port of the held socket, which gunicorn serves.")
    ]
    port_a: Annotated[
        Port, Meta(description="Loopback port of a server in slot a that binds one itself.")
    ]
    port_b: Annotated[Port, Meta(description="The same for slot b.")]
    created_at: Annotated[str, Meta(description="When the app was made, UTC.")] = ""
    stopped: Annotated[bool, Meta(description="Set by ps:stop: no web process runs.")] = False
    stopped_types: Annotated[
        tuple[str, ...],
        Meta(description="Set by ps:stop: process types besides web that do not run; `*` is all."),
    ] = ()
    domains: Annotated[
        tuple[str, ...], Meta(description="Host names besides NAME.domain of the server.")
    ] = ()
    certificates: Annotated[
        Literal["auto", "off"],
        Meta(
            description="Set by certs:auto: whether certificates for the app's names are ordered."
        ),
    ] = "auto"
    check_limit_s: Annotated[
        Seconds, Meta(description="Seconds a new release may take to answer its check.")
    ] = 60
    graceful_limit_s: Annotated[
        Seconds, Meta(description="Seconds that requests in flight may take when a process stops.")
    ] = 30
    max_body_mb: Annotated[Count, Meta(description="Size limit, in MiB, of a request's body.")] = (
        100
    )
    read_timeout_s: Annotated[
        Seconds, Meta(description="Seconds nginx waits for the app between two reads.")
    ] = 60

    proxy_headers: Annotated[
        tuple[Annotated[str, Meta(pattern=r"^[A-Za-z0-9-]+$")], ...],
        Meta(
            description="Headers of another proxy before this server that reach the app,"
            " such as `CF-Connecting-IP`."
        ),
    ] = ()
    buildpacks: Annotated[
        tuple[str, ...],
        Meta(description="Set by buildpacks:set: what builds the app; when empty, what fits."),
    ] = ()
    root: Annotated[
        Folder,
        Meta(description="Set by apps:set: the folder of the repository that the app is in."),
    ] = ""
    check: Annotated[
        dict[str, Any],
        Meta(description="Set by checks:set: counts above the code's own `[check]`."),
    ] = msgspec.field(default_factory=dict)

    limits: Annotated[
        dict[str, Limit],
        Meta(description="Set by limits:set: what processes may use, by type: `[limits.web]`."),
    ] = msgspec.field(default_factory=dict)

    io_uring: Annotated[
        bool, Meta(description="Whether processes may use the kernel's io_uring.")
    ] = False
    core_files: Annotated[
        bool, Meta(description="Whether a process that crashes may leave its memory in a file.")
    ] = False
    link_local: Annotated[
        bool,
        Meta(
            description="Whether the app reaches link-local addresses, such as 169.254.169.254:"
            " there a cloud hands out credentials of the machine."
        ),
    ] = False
    open_to: Annotated[
        tuple[str, ...],
        Meta(description="Other apps that may connect to this one's ports, past nginx."),
    ] = ()
    clone_of: Annotated[
        str, Meta(description="Set by apps:clone: the app that this one was made like.")
    ] = ""
    storage_quota: Annotated[
        str,
        Meta(
            description="Set by storage:quota: how large the app's storage may get, such as `2G`.",
            pattern=r"^([1-9][0-9]*[MG])?$",
        ),
    ] = ""
    mounts: Annotated[
        dict[str, str],
        Meta(description="Set by storage:mount: where the app's storage appears."),
    ] = msgspec.field(default_factory=dict)

    nginx: Annotated[
        dict[str, Any],
        Meta(description="Set by nginx:set: counts above the code's own `[nginx]`."),
    ] = msgspec.field(default_factory=dict)

    passwords: Annotated[
        dict[VisitorName, Hashed],
        Meta(description="Set by nginx:auth: visitors who are let in, with hashed passwords."),
    ] = msgspec.field(default_factory=dict)

    maintenance: Annotated[
        Maintenance | None,
        Meta(description="Set by maintenance:on: visitors see a page in place of the app."),
    ] = None

    def __post_init__(self) -> None:
        """Refuse a check or routing that cannot be, while the file that holds it is read."""
        overlaid(Check(), self.check)
        routed(Routing(), self.nginx)

    @property
    def own_routing(self) -> dict[str, Any]:
        """What app.toml says of the routing; a line above the tables says nothing while it is the
        default.
        """
        default = Routing()
        lines = {name: getattr(self, name) for name in OF_NGINX}
        said = {name: value for name, value in lines.items() if value != getattr(default, name)}
        return {**said, **self.nginx}

    def routed(self, code: Routing) -> Routing:
        """How nginx treats visitors, by the code and by what app.toml says above it."""
        return routed(code, self.own_routing)

    def is_stopped(self, process_type: str) -> bool:
        """Whether somebody stopped this type on purpose."""
        if process_type == "web":
            return self.stopped
        return bool({process_type, ALL_TYPES} & set(self.stopped_types))

    def own_port(self, slot: SlotLetter) -> int:
        """The port that a server which binds one itself is given in this slot."""
        return self.port_a if slot == "a" else self.port_b


def server_names(server: Server, app: AppName, settings: App) -> tuple[str, ...]:
    """Host names that an app answers to, its own first, each once."""
    return tuple(dict.fromkeys((f"{app}.{server.domain}", *settings.domains)))


def former_names(server: Server, app: AppName, settings: App) -> tuple[str, ...]:
    """Host names that an app had below earlier domains of the server; visitors are sent on."""
    now = server_names(server, app, settings)
    found = (f"{app}.{domain}" for domain in server.former_domains)
    return tuple(dict.fromkeys(name for name in found if name not in now))


def receiver_names(server: Server) -> tuple[str, ...]:
    """Host names for pushes over HTTP: those of earlier domains too, as git sends its token to the
    name that it knows.
    """
    domains = (server.domain, *server.former_domains)
    return tuple(dict.fromkeys(f"ship.{domain}" for domain in domains))


Occasion = Literal["deploy", "rollback", "config"]


class BuildRules(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """[build] of an app's own ship.toml: what a push is built from."""

    root: Annotated[
        Folder, Meta(description="The folder of the repository that the app is in.")
    ] = ""
    packages: Annotated[
        str,
        Meta(
            description="The file that names the packages, such as `requirements/web.txt`; else"
            " the first of those that are there."
        ),
    ] = ""
    apt: Annotated[
        tuple[str, ...], Meta(description="System packages that the app needs, as in an `Aptfile`.")
    ] = ()


class ReleasePhase(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """[release] of an app's own ship.toml: when the `release:` line of its Procfile runs, and
    how long it may.
    """

    limit_s: Annotated[
        Seconds | None,
        Meta(description="Seconds that it may take; at most the server's `release_limit_s`."),
    ] = None
    on: Annotated[
        tuple[Occasion, ...],
        Meta(description="When it runs: at a `deploy`, a `rollback`, a change of `config`."),
    ] = ("deploy",)


OF_STORAGE = "storage:"
"""What stands before a folder of the app's storage, where one of the repository could."""
Order = Literal["start-first", "stop-first"]


class Takeover(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """[deploy] of an app's own ship.toml: how a new release takes over from the old one."""

    order: Annotated[
        Order,
        Meta(description="`stop-first`: the old processes end before anything of the new starts."),
    ] = "start-first"


class ProcessRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """[process.TYPE] of an app's own ship.toml: how processes of a type other than web are
    stopped.
    """

    stop_signal: Annotated[
        StopSignal, Meta(description=f"What tells them to end: {', '.join(get_args(StopSignal))}.")
    ] = "SIGTERM"
    graceful_s: Annotated[
        Seconds, Meta(description="Seconds they may take for it; then they are killed.")
    ] = GRACEFUL_S


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """ship.toml in an app's tree: what travels with the code, so a rollback brings it back too."""

    web: Annotated[
        bool, Meta(description="`false`: no web process runs, and a release without one is meant.")
    ] = True
    build: BuildRules = BuildRules()
    check: Check = Check()
    deploy: Takeover = Takeover()
    nginx: Routing = Routing()
    release: ReleasePhase = ReleasePhase()
    cron: Annotated[dict[str, Cron], Meta(description="Commands that run at set times.")] = (
        msgspec.field(default_factory=dict)
    )
    process: Annotated[
        dict[str, ProcessRule],
        Meta(description="How processes are stopped, by type: `[process.worker]`."),
    ] = msgspec.field(default_factory=dict)
    static: Annotated[
        dict[str, str],
        Meta(description="Folders served by nginx, by address: `'/static/' = 'static'`."),
    ] = msgspec.field(default_factory=dict)

    @property
    def static_of_tree(self) -> dict[str, str]:
        """Addresses and folders of the repository, which are copied with each release."""
        return {at: it for at, it in self.static.items() if not it.startswith(OF_STORAGE)}

    @property
    def static_of_storage(self) -> dict[str, str]:
        """Addresses and folders of the app's storage, which are served as they are."""
        return {
            at: it.removeprefix(OF_STORAGE).strip("/")
            for at, it in self.static.items()
            if it.startswith(OF_STORAGE)
        }

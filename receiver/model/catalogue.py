"""Every command of `ship`, a row for each: what is known of it without importing it.

Gate, door, completion, help, audit, log and reference read these rows; the command itself adds its
options and what it does.
"""

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Literal, NamedTuple

from receiver.model.grant import GRANTS, Needs

_LIKE = 0.7
"""How like a command a word must be, to be taken for one that was mistyped."""
Acts = Literal["server", "machine", "checkout", "anywhere"]
"""Where a command acts.

server: on the server that is meant, as root; what is typed elsewhere goes there
machine: on the server's own machine, typed there by its owner; over ssh by nobody
checkout: where it is typed, and over ssh not at all, for there it would act as root
anywhere: where it is typed, which is harmless on a server too
"""


class Row(NamedTuple):
    """One command; most need no more than the first two."""

    at: str
    """The module of `receiver.cli.commands` and the function in it."""
    needs: Needs
    """The grant that a key must hold to call it."""
    also: tuple[str, ...] = ()
    """Its other names: short ones, and those that people bring along from elsewhere."""
    acts: Acts = "server"
    terminal: bool = False
    """Whether what it runs may need the terminal that it is typed on."""
    hidden: bool = False
    """Whether programs alone call it, so that nobody is offered it."""
    app_from: str = ""
    """An argument that may name the app in place of --app."""
    makes: str = ""
    """An argument that names the app which it makes."""
    server_wide: str = ""
    """A flag with which it concerns no app but the whole server, and takes an admin."""
    secret: bool = False
    """Whether any word of it may be a value of a config var, also by a mistake in typing, or an
    address with a token: no list of processes shows its words, and no audit more than names."""
    looks: bool = False
    """Whether it takes more than the grant view and changes nothing: no audit tells of it."""
    reveals: bool = False
    """Whether it shows values of config vars to who may deploy; that is recorded."""
    records: tuple[str, ...] = ()
    """The parameters that the audit records; of all others none."""
    recorded_as: str = ""
    """What the audit calls it, with its parameters in braces; else by its name."""
    ends: bool = False
    """Whether it stops, restarts, renames, closes or takes away something: nobody who mistyped
    another word is offered it."""
    in_log: bool = False
    """Whether the app's log tells of it: it changes what runs or who is let in, by no build."""
    completes: Mapping[str, str | Sequence[str]] = MappingProxyType({})
    """By parameter, the words that fit, or the method of `receiver.cli.known.Known` that lists
    them; where neither its metavar nor its type says so."""

    @property
    def is_recorded(self) -> bool:
        """Whether the audit tells of it: what takes more than to view, and does more than look."""
        return self.needs in {"deploy", "manage", "admin"} and not self.looks


COMMANDS: dict[str, Row] = {
    "access": Row("access:report", "view", also=("access:list", "acl:list")),
    "access:add": Row(
        "access:add", "manage", also=("acl:add",), server_wide="wide",
        records=("key", "grant", "wide"), completes={"grant": GRANTS, "key": "keys"},
    ),
    "access:remove": Row(
        "access:remove", "manage", also=("acl:remove",), server_wide="wide",
        records=("key", "wide"), completes={"key": "keys"}, ends=True,
    ),
    "access:update": Row(
        "access:update", "manage", server_wide="wide", records=("key", "grant", "wide"),
        completes={"grant": GRANTS, "key": "keys"},
    ),
    "apps": Row("apps.info:list_apps", "nothing", also=("apps:list", "list")),
    "apps:clone": Row(
        "apps.clone:clone", "admin", also=("apps:fork", "clone", "fork"), app_from="old",
        records=("new", "storage"),
    ),
    "apps:create": Row(
        "apps.create:create", "admin", also=("create",), makes="name", records=("name",),
    ),
    "apps:destroy": Row(
        "apps.destroy:destroy", "manage", also=("apps:delete", "delete", "destroy"),
        app_from="name", ends=True,
    ),
    "apps:exists": Row("apps.info:exists", "view", app_from="name"),
    "apps:info": Row("apps.info:info", "view", also=("apps:report", "info"), app_from="name"),
    "apps:lock": Row(
        "apps.locks:lock", "manage", also=("lock",), app_from="name", records=("reason",),
        in_log=True, ends=True,
    ),
    "apps:locked": Row("apps.locks:locked", "view", app_from="name"),
    "apps:open": Row("apps.open:open_", "view", also=("open",)),
    "apps:rename": Row(
        "apps.rename:rename", "admin", also=("rename",), app_from="old", records=("new",),
        in_log=True, ends=True,
    ),
    "apps:set": Row("apps.settings:set_", "manage", records=("words",), in_log=True),
    "apps:unlock": Row(
        "apps.locks:unlock", "manage", also=("unlock",), app_from="name", in_log=True,
    ),
    "apps:urls": Row("apps.open:urls", "view", also=("url", "urls"), app_from="name"),
    "audit": Row("audit:report", "nothing"),
    "audit:verify": Row("audit:verify", "admin", looks=True),
    "buildpacks": Row("buildpacks:list_buildpacks", "view"),
    "buildpacks:add": Row(
        "buildpacks:add", "manage", records=("name",), completes={"name": "buildpacks"},
    ),
    "buildpacks:clear": Row("buildpacks:clear", "manage", ends=True),
    "buildpacks:remove": Row(
        "buildpacks:remove", "manage", records=("name",), completes={"name": "buildpacks"},
        ends=True,
    ),
    "buildpacks:set": Row(
        "buildpacks:set_", "manage", records=("name",), completes={"name": "buildpacks"},
    ),
    "builds": Row("builds:list_builds", "view", also=("builds:list",)),
    "builds:cancel": Row("builds:cancel", "deploy", records=("build",), ends=True),
    "builds:info": Row("builds:info", "view"),
    "builds:output": Row("builds:output", "view"),
    "capacity": Row("capacity:report", "admin", looks=True),
    "certs": Row("certs:report", "view", also=("certs:report", "ssl")),
    "certs:add": Row("certs:add", "manage", in_log=True),
    "certs:auto": Row("certs:auto", "manage", records=("state",), in_log=True),
    "certs:info": Row("certs:info", "view"),
    "certs:remove": Row("certs:remove", "manage", records=("name",), in_log=True, ends=True),
    "certs:settle": Row("certs:settle", "admin", acts="machine", hidden=True),
    "check": Row("check:check", "deploy"),
    "checks": Row("checks:report", "view", also=("checks:report",)),
    "checks:run": Row("checks:run", "deploy", looks=True),
    "checks:set": Row(
        "checks:set_", "manage", records=("words",), in_log=True,
        completes={"words": "check_settings"},
    ),
    "checks:unset": Row(
        "checks:unset", "manage", records=("names",), in_log=True,
        completes={"names": "check_names"}, ends=True,
    ),
    "completion": Row("completion:completion", "nothing", also=("autocomplete",), acts="anywhere"),
    "completion:words": Row("completion:words", "nothing", acts="anywhere", hidden=True),
    "config": Row("config.read:show_all", "deploy", also=("config:list", "config:show")),
    "config:clear": Row("config.write:clear", "deploy", ends=True),
    "config:edit": Row(
        "config.edit:edit", "deploy", secret=True, completes={"name": "config_names"},
    ),
    "config:export": Row("config.read:export", "deploy"),
    "config:get": Row(
        "config.read:get", "deploy", secret=True, records=("names",),
        completes={"names": "config_names"},
    ),
    "config:history": Row("config.read:history", "view"),
    "config:import": Row("config.write:import_", "deploy", secret=True),
    "config:keys": Row("config.read:keys", "view"),
    "config:set": Row("config.write:set_", "deploy", also=("config:add",), secret=True),
    "config:unset": Row(
        "config.write:unset", "deploy", also=("config:remove",), secret=True, records=("names",),
        completes={"names": "config_names"}, ends=True,
    ),
    "cron": Row("runs.cron:list_jobs", "view", also=("cron:list",)),
    "cron:fire": Row("runs.cron:fire", "admin", acts="machine", hidden=True),
    "cron:history": Row("runs.cron:history", "view"),
    "cron:output": Row("runs.cron:output", "view"),
    "cron:resume": Row("runs.cron:resume", "manage", records=("names", "everything"), in_log=True),
    "cron:run": Row("runs.cron:run", "deploy", records=("name",)),
    "cron:schedule": Row("runs.cron:schedule", "admin", acts="machine", hidden=True),
    "cron:suspend": Row(
        "runs.cron:suspend", "manage", records=("names", "everything"), in_log=True, ends=True,
    ),
    "deploy": Row("deploy:deploy", "deploy", looks=True, secret=True),
    "disk": Row("disk:report", "admin", looks=True),
    "doctor": Row("doctor:doctor", "manage", server_wide="everything"),
    "domains": Row("domains:report", "view", also=("domains:report", "domains:list")),
    "domains:add": Row("domains:add", "manage", records=("names",), in_log=True),
    "domains:clear": Row("domains:clear", "manage", in_log=True, ends=True),
    "domains:info": Row("domains:info", "nothing"),
    "domains:remove": Row(
        "domains:remove", "manage", records=("names",), in_log=True, ends=True,
    ),
    "domains:wait": Row("domains:wait", "view"),
    "drains": Row("drains:list_drains", "view", also=("drains:list",)),
    "drains:add": Row("drains:add", "manage", secret=True, in_log=True),
    "drains:remove": Row("drains:remove", "manage", secret=True, in_log=True, ends=True),
    "drains:serve": Row("drains:serve", "admin", acts="machine", hidden=True),
    "drains:test": Row("drains:test", "manage", secret=True),
    "git:clone": Row("git:clone", "view"),
    "git:from-archive": Row("deploy:from_archive", "deploy", looks=True),
    "git:refused": Row("git:refused", "deploy", hidden=True, looks=True, recorded_as="git {call_}"),
    "git:remote": Row("git:remote", "view"),
    "help": Row("about:help_", "nothing", acts="anywhere", completes={"words": "commands"}),
    "import": Row("import_:import_", "nothing", acts="checkout"),
    "keys": Row("keys:list_keys", "admin", also=("ssh-keys",), looks=True),
    "keys:add": Row(
        "keys:add", "admin", also=("ssh-keys:add",), records=("name", "token", "admin", "grants"),
    ),
    "keys:remove": Row(
        "keys:remove", "admin", also=("ssh-keys:remove",), records=("name",),
        completes={"name": "keys"}, ends=True,
    ),
    "keys:rename": Row(
        "keys:rename", "admin", records=("name", "new"), completes={"name": "keys"}, ends=True,
    ),
    "limits": Row("limits:report", "view", also=("limits:report", "resource:report")),
    "limits:set": Row(
        "limits:set_", "manage", also=("resource:limit",), records=("words",), in_log=True,
    ),
    "limits:unset": Row(
        "limits:unset", "manage", also=("resource:limit-clear",), records=("words",), in_log=True,
        ends=True,
    ),
    "local": Row("local:local", "nothing", also=("local:start",), acts="checkout"),
    "local:run": Row("local:run", "nothing", acts="checkout"),
    "logs": Row("logs:logs", "view", completes={"process": "types"}),
    "logs:failed": Row("builds:failed", "view"),
    "maintenance": Row("maintenance:report", "view", also=("maintenance:report",)),
    "maintenance:off": Row("maintenance:off", "deploy", also=("maintenance:disable",), in_log=True),
    "maintenance:on": Row(
        "maintenance:on", "deploy", also=("maintenance:enable",), in_log=True, ends=True,
    ),
    "nginx:apply": Row("nginx:apply", "manage", in_log=True),
    "nginx:auth": Row("nginx:auth", "manage", records=("visitor",), in_log=True),
    "nginx:auth:remove": Row(
        "nginx:auth_remove", "manage", records=("visitor",), in_log=True, ends=True,
    ),
    "nginx:set": Row(
        "nginx:set_", "manage", records=("words",), in_log=True,
        completes={"words": "nginx_settings"},
    ),
    "nginx:show": Row("nginx:report", "view", also=("nginx", "nginx:report", "nginx:show-config")),
    "nginx:unset": Row(
        "nginx:unset", "manage", records=("names",), in_log=True,
        completes={"names": "nginx_names"}, ends=True,
    ),
    "packages": Row("packages:list_packages", "admin", also=("packages:list",), looks=True),
    "packages:add": Row("packages:add", "admin", records=("names",)),
    "packages:remove": Row("packages:remove", "admin", records=("names",)),
    "plan": Row(
        "plan:plan", "deploy", looks=True, secret=True,
        completes={"words": ("config:set", "config:unset", "ps:restart", "ps:scale", "rollback")},
    ),
    "ps": Row("ps:list_processes", "view", also=("ps:report",)),
    "ps:restart": Row(
        "ps:restart", "deploy", also=("restart",), records=("process",), in_log=True, ends=True,
    ),
    "ps:scale": Row("ps:scale", "manage", also=("scale",), records=("wishes",), in_log=True),
    "ps:start": Row("ps:start", "manage", also=("start",), records=("process_type",), in_log=True),
    "ps:stop": Row(
        "ps:stop", "manage", also=("ps:kill", "stop"), records=("process_type",), in_log=True,
        ends=True,
    ),
    "ps:wait": Row("ps:wait", "view"),
    "releases": Row("releases:list_releases", "view"),
    "releases:info": Row("releases:info", "view", reveals=True, records=("release",)),
    "releases:output": Row("releases:output", "view"),
    "releases:retry": Row("releases:retry", "deploy", also=("ps:rebuild",)),
    "releases:rollback": Row(
        "releases:rollback", "deploy", also=("rollback",), records=("release",),
    ),
    "run": Row("runs.run:run", "deploy", also=("console",), terminal=True, records=("command",)),
    "run:detached": Row("runs.run:detached", "deploy", records=("command",)),
    "run:list": Row("runs.records:list_runs", "view"),
    "run:output": Row("runs.records:output", "deploy", also=("run:logs",), looks=True),
    "run:stop": Row("runs.records:stop", "deploy", records=("names", "everything"), ends=True),
    "server:demo": Row("server:demo", "admin", acts="machine", hidden=True),
    "server:harden": Row("harden:harden", "admin", acts="machine", ends=True),
    "server:info": Row("server_settings:info", "admin", looks=True),
    "server:install": Row("server:install", "admin", acts="machine", hidden=True),
    "server:recover": Row("server:recover", "admin", acts="machine"),
    "server:rotate": Row("server:rotate", "admin", acts="machine"),
    "server:set": Row(
        "server_settings:set_", "admin", records=("words",), ends=True,
        completes={"words": "server_settings"},
    ),
    "server:start": Row("server:start", "admin", acts="machine"),
    "server:status": Row("server:status", "admin", acts="machine"),
    "server:stop": Row("server:stop", "admin", acts="machine", ends=True),
    "server:uninstall": Row("server:uninstall", "admin", acts="machine", hidden=True, ends=True),
    "server:unset": Row(
        "server_settings:unset", "admin", records=("names",), ends=True,
        completes={"names": "server_names"},
    ),
    "server:update": Row("update:update", "admin", acts="machine", ends=True),
    "storage": Row("storage:report", "view", also=("storage:list", "storage:report")),
    "storage:get": Row("storage_copy:get", "deploy"),
    "storage:ls": Row("storage_copy:list_files", "deploy"),
    "storage:mount": Row("storage:mount", "manage"),
    "storage:put": Row("storage_copy:put", "deploy"),
    "storage:quota": Row("storage:quota", "manage"),
    "storage:unmount": Row("storage:unmount", "manage", ends=True),
    "tokens": Row("tokens:list_tokens", "admin", also=("tokens:list",), looks=True),
    "tokens:add": Row("tokens:add", "admin", records=("name", "apps", "grants", "expires")),
    "tokens:remove": Row(
        "tokens:remove", "admin", records=("name",), completes={"name": "keys"}, ends=True,
    ),
    "version": Row("about:version", "nothing", acts="anywhere"),
    "whoami": Row("access:whoami", "nothing", also=("auth:whoami",)),
}  # fmt: skip
"""In the order of the alphabet, the commands of a namespace together."""


def canonical(name: str) -> str | None:
    """The command that a name means; None when it means none."""
    if name in COMMANDS:
        return name
    return next((command for command, row in COMMANDS.items() if name in row.also), None)


def other_names() -> dict[str, str]:
    """By other name, the command that it means; in the order of the alphabet."""
    found = [(other, name) for name, row in COMMANDS.items() for other in row.also]
    return dict(sorted(found, key=lambda pair: (pair[0].partition(":")[0], pair[0])))


def find(words: Sequence[str]) -> tuple[str, list[str]] | None:
    """The command that a line begins with, and what follows: `apps:create` or `apps create`."""
    if len(words) > 1 and (joined := canonical(f"{words[0]}:{words[1]}")):
        return joined, [*words[2:]]
    name = canonical(words[0])
    return (name, [*words[1:]]) if name else None


def similar(words: Sequence[str]) -> list[str]:
    """Commands that somebody who typed these words may have meant, the likeliest first; none that
    does harm where it was not meant.
    """
    import difflib  # noqa: PLC0415 - only a typing error needs it

    typed = [":".join(words[:2]), words[0]]
    known = list(_harmless())
    close = [
        match
        for text in typed
        for match in difflib.get_close_matches(text, known, n=2, cutoff=_LIKE)
    ]
    return list(dict.fromkeys(close))[:3]


def _harmless() -> Iterator[str]:
    """All names of the commands that may be offered."""
    for name, row in COMMANDS.items():
        if not (row.ends or row.hidden):
            yield from (name, *row.also)


def may_be_secret(words: Sequence[str]) -> bool:
    """Whether a word of this line may be secret: by namespaces, since names are mistyped too."""
    named = {word.partition(":")[0] for word in words}
    return any(
        row.secret and not named.isdisjoint(each.partition(":")[0] for each in (name, *row.also))
        for name, row in COMMANDS.items()
    )
